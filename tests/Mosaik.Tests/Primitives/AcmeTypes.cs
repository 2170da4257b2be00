#pragma warning disable IDE0130 // Stands for the namespaces of a user's program.
#pragma warning disable CA1034, CA1724
namespace Acme
{
    public sealed record Box<T>(T Value);

    public static class Outer
    {
        public sealed record Inner;

        public static class Generic<T>
        {
            public sealed record Nested<TOther>(T First, TOther Second);
        }
    }

    [Mosaik.Primitives.WireName("my_crate::Wrapped")]
    public sealed record Renamed<T>(T Value);

    [Mosaik.Primitives.WireName("my_crate::PriceUpdate")]
    public sealed record RenamedUpdate;
}

namespace Acme.Trading
{
    public sealed record PriceUpdate;
}
