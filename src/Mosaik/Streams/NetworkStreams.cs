using Mosaik.Networking;
using Mosaik.Primitives;
using Mosaik.Waiting;

namespace Mosaik.Streams;

/// <summary>The streams of a network: produce and consume typed data.</summary>
/// <remarks>
/// <para>Thread-safe. A node never consumes from itself.</para>
/// <para>What the node's entry lists follows the table of sinks: both change under one lock, so that a stream that is
/// closed and made again at the same moment stays listed. Lock order: this lock, then a sink's.</para>
/// </remarks>
public sealed class NetworkStreams
{
    private readonly Lock _lock = new();
    private readonly StreamContext _context;
    private readonly Dictionary<StreamId, StreamSink> _sinks = [];
    private readonly List<IConsumerWorker> _consumers = [];
    private readonly List<Task> _closing = [];

    internal NetworkStreams(StreamContext context) => _context = context;

    /// <summary>
    /// Opens a handle to a stream that this node produces; the first one creates and announces the stream.
    /// </summary>
    /// <param name="options">Settings, used when the stream is created; an existing stream keeps its own.</param>
    /// <typeparam name="T">The datum: any type with a shape (<c>[GenerateShape]</c>), or a plain one through
    /// reflection.</typeparam>
    /// <exception cref="MosaikConfigurationException">A setting makes no sense; the message names it.</exception>
    /// <exception cref="StreamTypeMismatchException">The stream exists with another type of datum.</exception>
    /// <exception cref="NetworkClosedException">The network is stopping.</exception>
    public Producer<T> Produce<T>(ProducerOptions<T>? options = null)
    {
        TryProduceNew(options, out var producer);
        return producer;
    }

    /// <summary>Creates a stream; fails where this node produces it already.</summary>
    /// <inheritdoc cref="Produce{T}" path="/typeparam"/>
    /// <param name="options">Settings.</param>
    /// <exception cref="ProducerExistsException">The stream exists; the exception opens a handle to it.</exception>
    /// <exception cref="MosaikConfigurationException">A setting makes no sense; the message names it.</exception>
    /// <exception cref="StreamTypeMismatchException">The stream exists with another type of datum.</exception>
    /// <exception cref="NetworkClosedException">The network is stopping.</exception>
    public Producer<T> ProduceNew<T>(ProducerOptions<T>? options = null)
    {
        if (TryProduceNew(options, out var producer))
            return producer;
        producer.TryComplete();
        throw new ProducerExistsException(this, producer.StreamId);
    }

    /// <summary>Creates a stream, or opens a handle to it where this node produces it already.</summary>
    /// <inheritdoc cref="Produce{T}" path="/typeparam"/>
    /// <param name="options">Settings, used when the stream is created.</param>
    /// <param name="producer">A handle to the stream.</param>
    /// <returns>Whether the stream was created.</returns>
    /// <exception cref="MosaikConfigurationException">A setting makes no sense; the message names it.</exception>
    /// <exception cref="StreamTypeMismatchException">The stream exists with another type of datum.</exception>
    /// <exception cref="NetworkClosedException">The network is stopping.</exception>
    public bool TryProduceNew<T>(ProducerOptions<T>? options, out Producer<T> producer)
    {
        options ??= new ProducerOptions<T>();
        options.Validate();
        var id = options.StreamId ?? DefaultIdOf<T>();
        lock (_lock)
        {
            if (_context.IsStopping)
                throw new NetworkClosedException();
            if (_sinks.TryGetValue(id, out var existing))
            {
                if (existing is not StreamSink<T> same)
                    throw new StreamTypeMismatchException(id, existing.ElementType, typeof(T));
                if (same.TryOpenHandle())
                {
                    producer = new Producer<T>(this, same);
                    return false;
                }
            }

            // The new one takes the place of one whose last handle is being closed, which goes on draining by itself.
            var sink = new StreamSink<T>(_context, id, options);
            if (_sinks.TryGetValue(id, out var leaving))
                CloseUnderLock(leaving);
            _sinks[id] = sink;
            _context.Metrics.ProducerOpened();
            _context.Discovery.AddStreams(id);
            producer = new Producer<T>(this, sink);
            return true;
        }
    }

    /// <summary>Subscribes to a stream of every producer in the catalog, now and from now on.</summary>
    /// <param name="options">Settings.</param>
    /// <typeparam name="T">The datum: any type with a shape (<c>[GenerateShape]</c>), or a plain one through
    /// reflection.</typeparam>
    /// <exception cref="MosaikConfigurationException">A setting makes no sense; the message names it.</exception>
    /// <exception cref="NetworkClosedException">The network is stopping.</exception>
    public Consumer<T> Consume<T>(ConsumerOptions<T>? options = null)
    {
        options ??= new ConsumerOptions<T>();
        options.Validate();
        lock (_lock)
        {
            if (_context.IsStopping)
                throw new NetworkClosedException();
            var driver = new ConsumerDriver<T>(_context, options.StreamId ?? DefaultIdOf<T>(), options, Forget);
            _consumers.Add(driver);
            return new Consumer<T>(driver);
        }
    }

    /// <summary>The sink of a stream, for the acceptor.</summary>
    internal StreamSink? Find(StreamId stream)
    {
        lock (_lock)
            return _sinks.GetValueOrDefault(stream);
    }

    /// <summary>A producer handle was closed; the last one takes its stream with it.</summary>
    internal void Release<T>(StreamSink<T> sink, ProducerHandle handle)
    {
        sink.FailWaitsOf(handle);
        if (!sink.CloseHandle())
            return;
        lock (_lock)
            CloseUnderLock(sink);
    }

    /// <summary>
    /// The network stops: producers drain and say 204, consumers leave with 102; what was queued stays readable. May be
    /// called again, and waits again.
    /// </summary>
    internal async ValueTask StopAsync()
    {
        IConsumerWorker[] consumers;
        Task[] closing;
        lock (_lock)
        {
            _context.IsStopping = true;
            foreach (var sink in _sinks.Values.ToArray())
                CloseUnderLock(sink);
            closing = [.. _closing];
            consumers = [.. _consumers];
        }

        foreach (var consumer in consumers)
            consumer.BeginStop();
        await Task.WhenAll(closing).ConfigureAwait(false);
        foreach (var consumer in consumers)
            await consumer.StoppedAsync().ConfigureAwait(false);
    }

    private static StreamId DefaultIdOf<T>() => WireNames.Of<T>();

    /// <summary>Takes a sink out of the table and lets it drain; nothing if that was done before.</summary>
    private void CloseUnderLock(StreamSink sink)
    {
        if (!_sinks.TryGetValue(sink.StreamId, out var current) || current != sink)
            return;
        _sinks.Remove(sink.StreamId);
        sink.MarkClosed();
        _closing.RemoveAll(static task => task.IsCompletedSuccessfully);
        _closing.Add(_context.Scheduler.Start(sink.CloseAsync));
        _context.Metrics.ProducerClosed();

        // Ids withdrawn while the whole network leaves are not announced again (spec/wire.md §10.4).
        if (!_context.IsStopping)
            _context.Discovery.RemoveStreams(sink.StreamId);
    }

    private void Forget(IConsumerWorker consumer)
    {
        lock (_lock)
            _consumers.Remove(consumer);
    }
}
