using Pilotfish.Runtime.Diagnostics;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// Writes the keys of sessions as NSS does (SSLKEYLOGFILE), for tools that read captured traffic: who has the file reads everything.
/// Any thread.
/// </summary>
/// <param name="writer">Whoever owns it ends it. Lines that it cannot take are dropped.</param>
/// <param name="covers">Whether sessions between a local and a remote address are written.</param>
public sealed class SessionKeyLog(FileWriterThread writer, Func<NetAddress, NetAddress, bool> covers)
{
    /// <summary>The longest line: a label, 32 bytes of random and 48 of secret, in hexadecimal.</summary>
    private const int LineBytesMax = 512;

    internal void Post(NetAddress local, NetAddress remote, ReadOnlySpan<byte> line)
    {
        if (line.Length >= LineBytesMax || !covers(local, remote))
        {
            return;
        }

        Span<byte> whole = stackalloc byte[LineBytesMax];
        line.CopyTo(whole);
        whole[line.Length] = (byte)'\n';
        writer.Write(whole[..(line.Length + 1)]);
    }
}
