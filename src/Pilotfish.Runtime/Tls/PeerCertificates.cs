using System.Buffers.Binary;
using System.Security.Cryptography.X509Certificates;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// Certificates of peers, each parsed once while it is in use: connections of one peer share the object. Any thread; an entry that
/// is lost to another thread's write is made again.
/// </summary>
internal static class PeerCertificates
{
    /// <summary>Some 4 KB each with OpenSSL's part.</summary>
    private const int EntriesMax = 256;

    private static readonly Entry?[] s_entries = new Entry?[EntriesMax];

    /// <summary>Throws <see cref="System.Security.Cryptography.CryptographicException"/> on bytes that are no certificate.</summary>
    internal static X509Certificate2 Of(byte[] der)
    {
        // The end of a certificate is its signature: as good as random. A peer that finds two of one slot only makes itself slower.
        int slot = der.Length < sizeof(ushort) ? 0 : BinaryPrimitives.ReadUInt16LittleEndian(der.AsSpan(der.Length - sizeof(ushort))) % EntriesMax;
        if (Volatile.Read(ref s_entries[slot]) is { } known && known.Der.AsSpan().SequenceEqual(der))
        {
            return known.Certificate;
        }

        X509Certificate2 certificate = X509CertificateLoader.LoadCertificate(der);
        Volatile.Write(ref s_entries[slot], new Entry(der, certificate));
        return certificate;
    }

    private sealed record Entry(byte[] Der, X509Certificate2 Certificate);
}
