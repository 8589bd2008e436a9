using System.Security.Cryptography;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// Keys of session tickets that several processes share, in Envoy's form (envoy api, TlsSessionTicketKeys): 80 bytes each, a name of 16, a
/// key of 32 for HMAC-SHA256, one of 32 for AES-256-CBC. The first makes tickets, all read them. Read at each ticket, so that a
/// rotation is one write here. Any thread.
/// </summary>
public sealed class TlsTicketKeys
{
    public const int NameBytes = 16;
    public const int HmacKeyBytes = 32;
    public const int AesKeyBytes = 32;
    public const int KeyBytes = NameBytes + HmacKeyBytes + AesKeyBytes;

    // Until a configuration's keys come, tickets are this process's own.
    private volatile byte[][] _keys = [RandomNumberGenerator.GetBytes(KeyBytes)];

    internal byte[] Newest => _keys[0];

    /// <summary>Throws <see cref="ArgumentException"/>, which names the key, unless there is one and each has 80 bytes.</summary>
    public void Set(IReadOnlyList<byte[]> keys)
    {
        for (int i = 0; i < keys.Count; i++)
        {
            if (keys[i].Length != KeyBytes)
            {
                throw new ArgumentException($"key {i} has {keys[i].Length} bytes; a ticket key has {KeyBytes}", nameof(keys));
            }
        }

        _keys = keys.Count > 0 ? [.. keys] : throw new ArgumentException("there is no key", nameof(keys));
    }

    /// <summary>The key of a ticket; null when it is not, or no longer, among these.</summary>
    internal byte[]? Find(ReadOnlySpan<byte> name, out bool isNewest)
    {
        byte[][] keys = _keys;
        for (int i = 0; i < keys.Length; i++)
        {
            if (keys[i].AsSpan(0, NameBytes).SequenceEqual(name))
            {
                isNewest = i == 0;
                return keys[i];
            }
        }

        isNewest = false;
        return null;
    }
}
