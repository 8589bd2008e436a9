using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Pilotfish.Local.Dns;

/// <summary>
/// Answers one DNS message (RFC 1035) from the table: A and AAAA, aliases first. Names below the cluster's domain that
/// nobody has, and all other names, do not exist: a mesh on one machine has no way out.
/// </summary>
internal static class DnsAnswer
{
    public const int MessageBytesMax = 4096;

    private const int HeaderBytes = 12;
    private const int NameBytesMax = 255;
    private const int UdpBytesMax = 512;
    private const ushort TypeA = 1;
    private const ushort TypeCname = 5;
    private const ushort TypeAaaa = 28;
    private const ushort ClassIn = 1;

    /// <summary>Short, so that pods that come and go are noticed; CoreDNS gives cluster names the same.</summary>
    private const uint TtlSeconds = 5;

    private const ushort FlagsAnswer = 0x8480;
    private const ushort FlagTruncated = 0x0200;
    private const ushort CodeFormatError = 1;
    private const ushort CodeNoSuchName = 3;
    private const ushort CodeNotImplemented = 4;

    /// <summary>Null for what is no question at all; such bytes get no answer.</summary>
    public static byte[]? To(ReadOnlySpan<byte> message, DnsTable table, bool isUdp)
    {
        bool isQuery = message.Length >= HeaderBytes && (message[2] & 0x80) == 0;
        if (!isQuery)
        {
            return null;
        }

        if ((message[2] & 0x78) != 0 || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1)
        {
            return Reply(message, [], CodeNotImplemented, [], isUdp);
        }

        if (!TryReadName(message, out string name, out int end) || end + 4 > message.Length)
        {
            return Reply(message, [], CodeFormatError, [], isUdp);
        }

        ushort type = BinaryPrimitives.ReadUInt16BigEndian(message[end..]);
        byte[] question = message[HeaderBytes..(end + 4)].ToArray();
        var records = new List<byte[]>();
        string owner = name;
        if (table.Aliases.TryGetValue(name, out string? target))
        {
            records.Add(Record(owner, TypeCname, EncodeName(target)));
            owner = target;
        }

        bool exists = table.Addresses.TryGetValue(owner, out IReadOnlyList<IPAddress>? addresses) || target is not null;
        AddressFamily wanted = type switch
        {
            TypeA => AddressFamily.InterNetwork,
            TypeAaaa => AddressFamily.InterNetworkV6,
            _ => AddressFamily.Unspecified,
        };
        records.AddRange((addresses ?? []).Where(a => a.AddressFamily == wanted)
            .Select(a => Record(owner, type, a.GetAddressBytes())));
        return Reply(message, question, exists ? (ushort)0 : CodeNoSuchName, records, isUdp);
    }

    private static bool TryReadName(ReadOnlySpan<byte> message, out string name, out int end)
    {
        var text = new StringBuilder();
        int at = HeaderBytes;
        name = string.Empty;
        end = at;
        while (at < message.Length)
        {
            int length = message[at++];
            if (length == 0)
            {
                name = text.ToString().TrimEnd('.').ToLowerInvariant();
                end = at;
                return true;
            }

            // A question comes first, so it has nothing to point back to: compression here is an attack or a bug.
            if (length > 63 || at + length > message.Length || text.Length + length > NameBytesMax)
            {
                return false;
            }

            text.Append(Encoding.Latin1.GetString(message.Slice(at, length))).Append('.');
            at += length;
        }

        return false;
    }

    private static byte[] EncodeName(string name)
    {
        var bytes = new List<byte>();
        foreach (string label in name.Split('.', StringSplitOptions.RemoveEmptyEntries))
        {
            bytes.Add((byte)label.Length);
            bytes.AddRange(Encoding.Latin1.GetBytes(label));
        }

        bytes.Add(0);
        return [.. bytes];
    }

    private static byte[] Record(string owner, ushort type, byte[] data)
    {
        byte[] name = EncodeName(owner);
        byte[] record = new byte[name.Length + 10 + data.Length];
        name.CopyTo(record, 0);
        Span<byte> rest = record.AsSpan(name.Length);
        BinaryPrimitives.WriteUInt16BigEndian(rest, type);
        BinaryPrimitives.WriteUInt16BigEndian(rest[2..], ClassIn);
        BinaryPrimitives.WriteUInt32BigEndian(rest[4..], TtlSeconds);
        BinaryPrimitives.WriteUInt16BigEndian(rest[8..], (ushort)data.Length);
        data.CopyTo(rest[10..]);
        return record;
    }

    private static byte[] Reply(
        ReadOnlySpan<byte> message, byte[] question, ushort code, IReadOnlyList<byte[]> records, bool isUdp)
    {
        int limit = isUdp ? UdpBytesMax : MessageBytesMax * 4;
        var body = new List<byte>(question);
        int written = 0;
        while (written < records.Count && HeaderBytes + body.Count + records[written].Length <= limit)
        {
            body.AddRange(records[written++]);
        }

        byte[] reply = new byte[HeaderBytes + body.Count];
        int flags = FlagsAnswer | code | (written < records.Count ? FlagTruncated : 0) | ((message[2] & 1) << 8);
        message[..2].CopyTo(reply);
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(2), (ushort)flags);
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(4), (ushort)(question.Length > 0 ? 1 : 0));
        BinaryPrimitives.WriteUInt16BigEndian(reply.AsSpan(6), (ushort)written);
        body.CopyTo(reply, HeaderBytes);
        return reply;
    }
}
