using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using Mosaik.Postcard.Converters;
using PolyType.Abstractions;

namespace Mosaik.Postcard.Building;

internal sealed partial class ConverterBuilder
{
    public override object? VisitEnumerable<TEnumerable, TElement>(
        IEnumerableTypeShape<TEnumerable, TElement> enumerableShape, object? state = null)
    {
        if (enumerableShape.Rank > 1)
            throw Refuse<TEnumerable>("arrays of more than one dimension have no postcard image");
        if (enumerableShape.IsAsyncEnumerable)
            throw Refuse<TEnumerable>("asynchronous sequences have no postcard image");
        if (IsStack(typeof(TEnumerable)))
            throw Refuse<TEnumerable>("a stack would come back reversed");

        var element = ConverterOf(enumerableShape.ElementType);
        if (typeof(TEnumerable) == typeof(TElement[]))
            return new ArrayConverter<TElement>(element);
        if (typeof(TEnumerable) == typeof(List<TElement>))
            return new ListConverter<TElement>(element);
        if (typeof(TEnumerable) == typeof(ImmutableArray<TElement>))
            return new ImmutableArrayConverter<TElement>(element);
        if (typeof(TEnumerable) == typeof(HashSet<TElement>))
            return new HashSetConverter<TElement>(element);
        if (typeof(TEnumerable) == typeof(Queue<TElement>))
            return new QueueConverter<TElement>(element);
        if (typeof(TEnumerable).IsDefined(typeof(InlineArrayAttribute), inherit: false))
            return new InlineArrayConverter<TEnumerable, TElement>(element);
        if (enumerableShape.ConstructionStrategy == CollectionConstructionStrategy.None)
            throw Refuse<TEnumerable>("there is no way to construct it");

        var isOrdered = enumerableShape.SupportedComparer == CollectionComparerOptions.Comparer;
        if (!enumerableShape.IsSetType)
            return new EnumerableConverter<TEnumerable, TElement>(enumerableShape, element, isOrderedSet: false);
        if (!isOrdered)
            return new UnorderedSetConverter<TEnumerable, TElement>(enumerableShape, element);
        RequireComparable<TEnumerable, TElement>();
        return new EnumerableConverter<TEnumerable, TElement>(enumerableShape, element, isOrderedSet: true);
    }

    public override object? VisitDictionary<TDictionary, TKey, TValue>(
        IDictionaryTypeShape<TDictionary, TKey, TValue> dictionaryShape, object? state = null)
    {
        var key = ConverterOf(dictionaryShape.KeyType);
        var value = ConverterOf(dictionaryShape.ValueType);
        if (typeof(TDictionary) == typeof(Dictionary<TKey, TValue>))
            return new DictionaryConverter<TKey, TValue>(key, value);
        if (dictionaryShape.ConstructionStrategy == CollectionConstructionStrategy.None)
            throw Refuse<TDictionary>("there is no way to construct it");

        var isOrdered = dictionaryShape.SupportedComparer == CollectionComparerOptions.Comparer;
        if (isOrdered)
            RequireComparable<TDictionary, TKey>();
        return new MapConverter<TDictionary, TKey, TValue>(dictionaryShape, key, value, isOrdered);
    }

    private void RequireComparable<TCollection, T>()
    {
        if (!typeof(IComparable<T>).IsAssignableFrom(typeof(T)) && !typeof(IComparable).IsAssignableFrom(typeof(T))
            && Nullable.GetUnderlyingType(typeof(T)) is null)
            throw Refuse<TCollection>($"{typeof(T)} is not comparable, so an ordered collection of it has no order");
    }

    private static bool IsStack(Type type) =>
        type.IsGenericType && type.GetGenericTypeDefinition() is var definition
        && (definition == typeof(Stack<>) || definition == typeof(ConcurrentStack<>)
            || definition == typeof(ConcurrentBag<>) || definition == typeof(ImmutableStack<>)
            || definition == typeof(IImmutableStack<>));
}
