namespace Mosaik.Networking;

/// <summary>What a look at received bytes found.</summary>
internal enum FrameStatus
{
    /// <summary>No complete frame yet.</summary>
    Incomplete,

    /// <summary>A frame.</summary>
    Complete,

    /// <summary>A header that claims more than the limit.</summary>
    TooLarge,
}
