using System.Buffers.Binary;

namespace Pilotfish.Runtime.Tls;

/// <summary>
/// What the server's first, unencrypted messages tell and SslStream does not: whether the session was resumed (TLS 1.3: a
/// pre_shared_key in the ServerHello, RFC 8446 section 4.2.11; TLS 1.2: no Certificate message, RFC 5246 section 7.3) and the
/// group of the key exchange.
/// </summary>
internal readonly record struct ServerFlight(bool IsResumed, int Group)
{
    private const int RecordHeaderBytes = 5;
    private const byte HandshakeRecord = 22;
    private const int Tls13 = 0x0304;
    private const int HelloFixedBytes = 2 + 32;

    // RFC 8446 section 4.1.3: this random marks a HelloRetryRequest.
    private static ReadOnlySpan<byte> RetryRandomStart => [0xCF, 0x21, 0xAD, 0x74, 0xE5, 0x9A, 0x61, 0x11];

    internal string? GroupName => Group switch
    {
        0 => null,
        23 => "P-256",
        24 => "P-384",
        25 => "P-521",
        29 => "X25519",
        30 => "X448",
        0x11EC => "X25519MLKEM768",
        _ => $"0x{Group:x4}",
    };

    /// <summary>Reads what the server sent first; truncated or strange bytes say nothing.</summary>
    internal static ServerFlight Read(ReadOnlySpan<byte> records)
    {
        byte[] messages = new byte[records.Length];
        int length = Join(records, messages);
        ReadOnlySpan<byte> rest = messages.AsSpan(0, length);
        bool hello = false;
        bool certificate = false;
        int group = 0;
        while (rest.Length >= 4)
        {
            int size = (rest[1] << 16) | (rest[2] << 8) | rest[3];
            ReadOnlySpan<byte> body = rest.Slice(4, Math.Min(size, rest.Length - 4));
            switch (rest[0])
            {
                case 2 when ReadHello(body, out bool isTls13, out bool isRetry, out bool resumed, ref group):
                    if (isTls13 && !isRetry)
                    {
                        return new ServerFlight(resumed, group);
                    }

                    hello |= !isRetry;
                    break;
                case 11:
                    certificate = true;
                    break;
                case 12 when body.Length >= 3 && body[0] == 3:
                    group = BinaryPrimitives.ReadUInt16BigEndian(body[1..]);
                    break;
                default:
                    break;
            }

            rest = rest[(4 + body.Length)..];
        }

        return new ServerFlight(hello && !certificate, group);
    }

    /// <summary>The handshake messages up to the first record that is encrypted.</summary>
    private static int Join(ReadOnlySpan<byte> records, Span<byte> messages)
    {
        const byte ChangeCipherSpec = 20;
        int length = 0;
        bool hadHello = false;
        while (records.Length > RecordHeaderBytes)
        {
            int size = Math.Min(BinaryPrimitives.ReadUInt16BigEndian(records[3..]), records.Length - RecordHeaderBytes);
            if (records[0] == HandshakeRecord)
            {
                records.Slice(RecordHeaderBytes, size).CopyTo(messages[length..]);
                length += size;
                hadHello = true;
            }
            else if (records[0] != ChangeCipherSpec || (hadHello && !EndsWithRetry(messages[..length])))
            {
                break;
            }

            records = records[(RecordHeaderBytes + size)..];
        }

        return length;
    }

    private static bool EndsWithRetry(ReadOnlySpan<byte> messages) =>
        messages.Length >= 4 + HelloFixedBytes && messages[0] == 2 && messages.Slice(6, 8).SequenceEqual(RetryRandomStart);

    private static bool ReadHello(ReadOnlySpan<byte> body, out bool isTls13, out bool isRetry, out bool resumed, ref int group)
    {
        (isTls13, isRetry, resumed) = (false, false, false);
        if (body.Length < HelloFixedBytes + 1 || body.Length < HelloFixedBytes + 1 + body[HelloFixedBytes] + 3)
        {
            return false;
        }

        isRetry = body.Slice(2, 8).SequenceEqual(RetryRandomStart);
        ReadOnlySpan<byte> extensions = body[(HelloFixedBytes + 1 + body[HelloFixedBytes] + 3)..];
        if (extensions.Length < 2)
        {
            return true;
        }

        extensions = extensions[2..];
        while (extensions.Length >= 4)
        {
            int type = BinaryPrimitives.ReadUInt16BigEndian(extensions);
            int size = BinaryPrimitives.ReadUInt16BigEndian(extensions[2..]);
            if (extensions.Length < 4 + size)
            {
                break;
            }

            ReadOnlySpan<byte> value = extensions.Slice(4, size);
            isTls13 |= type == 43 && size == 2 && BinaryPrimitives.ReadUInt16BigEndian(value) == Tls13;
            resumed |= type == 41;
            if (type == 51 && size >= 2)
            {
                group = BinaryPrimitives.ReadUInt16BigEndian(value);
            }

            extensions = extensions[(4 + size)..];
        }

        return true;
    }
}
