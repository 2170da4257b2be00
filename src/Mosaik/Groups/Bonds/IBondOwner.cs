namespace Mosaik.Groups.Bonds;

/// <summary>Whom a bond's loops report to. Called from those loops.</summary>
internal interface IBondOwner
{
    /// <summary>A message of the consensus protocol waits in the bond's inbox. Must not block.</summary>
    void OnMessage();

    /// <summary>The entry of some peer came over the bond; not verified, a copy of its own. Must not block.</summary>
    void OnEntry(BondConnection bond, ReadOnlyMemory<byte> entry, bool isUpdate);

    /// <summary>The bond has ended, and nothing more comes from it. Completes when that is known everywhere.</summary>
    ValueTask OnEndedAsync(BondConnection bond);
}
