namespace Mosaik.Networking;

/// <summary>Why a payload is not what it should be.</summary>
/// <param name="Reason">In one short phrase.</param>
/// <param name="Offset">Offset of the first offending byte.</param>
internal readonly record struct DecodeError(string Reason, int Offset);
