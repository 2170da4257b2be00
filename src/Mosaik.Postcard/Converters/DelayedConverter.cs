using System.Diagnostics.CodeAnalysis;
using PolyType;
using PolyType.Utilities;

namespace Mosaik.Postcard.Converters;

/// <summary>Stands for the converter of a recursive type while that converter is being built.</summary>
internal sealed class DelayedConverter<T>(DelayedValue<PostcardConverter<T>> self) : PostcardConverter<T>
{
    public override int MinimumSize => self.IsCompleted ? self.Result.MinimumSize : 0;

    public override void Write(ref PostcardWriter writer, in T value) => self.Result.Write(ref writer, in value);

    public override bool TryRead(ref PostcardReader reader, [MaybeNullWhen(false)] out T value) =>
        self.Result.TryRead(ref reader, out value);
}

/// <summary>Makes <see cref="DelayedConverter{T}"/> where the type graph closes a circle.</summary>
internal sealed class DelayedConverterFactory : IDelayedValueFactory
{
    public DelayedValue Create<T>(ITypeShape<T> typeShape) =>
        new DelayedValue<PostcardConverter<T>>(self => new DelayedConverter<T>(self));
}
