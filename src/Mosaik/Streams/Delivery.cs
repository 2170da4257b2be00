using System.Runtime.InteropServices;

namespace Mosaik.Streams;

/// <summary>
/// A received datum on its way to the application, with the size that the statistics of its taker count.
/// </summary>
[StructLayout(LayoutKind.Auto)]
internal readonly record struct Delivery<T>(T Datum, int Bytes);
