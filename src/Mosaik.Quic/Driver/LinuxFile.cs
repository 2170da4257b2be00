using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Mosaik.Quic.Driver;

/// <summary>Files that several processes append to, which the base class library does not offer.</summary>
/// <remarks>
/// <see cref="FileMode.Append"/> goes to the end once, when it opens the file, and from there on writes at positions that
/// it counts itself: two processes overwrite each other's lines. With O_APPEND the kernel puts every write at the end,
/// whatever position is given with it (pwrite(2), "BUGS").
/// </remarks>
internal static partial class LinuxFile
{
    private const int WriteOnly = 1;
    private const int Create = 0x40;
    private const int Append = 0x400;
    private const int CloseOnExec = 0x80000;

    /// <summary>Only the owner may read what is written: these are secrets.</summary>
    private const int OwnerReadsAndWrites = 0x180;

    /// <summary>Opens or creates a file whose every write goes to its end.</summary>
    /// <exception cref="IOException">It cannot be opened; the message says why.</exception>
    public static SafeFileHandle OpenToAppend(string path)
    {
        var handle = Open(path, WriteOnly | Create | Append | CloseOnExec, OwnerReadsAndWrites);
        if (!handle.IsInvalid)
            return handle;
        var error = Marshal.GetLastPInvokeError();
        handle.Dispose();
        throw new IOException($"{Marshal.GetPInvokeErrorMessage(error)}: '{path}'");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial SafeFileHandle Open(string path, int flags, int mode);
}
