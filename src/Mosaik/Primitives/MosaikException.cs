namespace Mosaik.Primitives;

/// <summary>
/// The base of everything Mosaik throws by itself. Leaves carry what is needed to decide and to retry.
/// </summary>
public abstract class MosaikException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="message">What happened.</param>
    /// <param name="innerException">The cause, if any.</param>
    protected MosaikException(string message, Exception? innerException = null)
        : base(message, innerException)
    {
    }

    /// <summary>Whether the same call can succeed later without a change by the caller.</summary>
    public virtual bool IsTransient => false;
}
