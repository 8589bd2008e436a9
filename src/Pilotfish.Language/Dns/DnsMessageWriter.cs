using System.Buffers.Binary;
using System.Globalization;

namespace Pilotfish.Language.Dns;

/// <summary><see cref="DnsMessage"/> to bytes. A name's tail that was written before is replaced by a pointer to it.</summary>
internal sealed class DnsMessageWriter(int bytesMax)
{
    private const int LabelBytesMax = 63;

    // A pointer has 14 bits; names that begin later cannot be pointed to.
    private const int PointerMax = 0x3FFF;

    private readonly List<byte> _bytes = new(DnsMessage.UdpBytesDefault);
    private readonly Dictionary<string, int> _names = new(StringComparer.OrdinalIgnoreCase);

    public byte[] Write(DnsMessage message)
    {
        bool isEdns = message.UdpBytesOffered is not null;
        int optionsBytes = isEdns ? 11 : 0;
        WriteHeader(message);
        foreach (DnsQuestion question in message.Questions)
        {
            WriteName(question.Name);
            WriteUInt16((ushort)question.Type);
            WriteUInt16(question.Class);
        }

        int answers = 0;
        foreach (DnsRecord record in message.Answers)
        {
            int before = _bytes.Count;
            WriteRecord(record);
            if (_bytes.Count + optionsBytes > bytesMax)
            {
                _bytes.RemoveRange(before, _bytes.Count - before);
                break;
            }

            answers++;
        }

        if (isEdns)
        {
            WriteOptions(message.UdpBytesOffered!.Value);
        }

        byte[] bytes = [.. _bytes];
        BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(6), (ushort)answers);
        if (answers < message.Answers.Count)
        {
            bytes[2] |= 0x02;
        }

        return bytes;
    }

    private void WriteHeader(DnsMessage message)
    {
        int flags = (message.IsResponse ? 0x8000 : 0)
            | ((message.OpCode & 0xF) << 11)
            | (message.IsAuthoritative ? 0x0400 : 0)
            | (message.IsTruncated ? 0x0200 : 0)
            | (message.RecursionDesired ? 0x0100 : 0)
            | (message.RecursionAvailable ? 0x0080 : 0)
            | (int)message.ResponseCode;
        WriteUInt16(message.Id);
        WriteUInt16((ushort)flags);
        WriteUInt16((ushort)message.Questions.Count);
        WriteUInt16(0);
        WriteUInt16(0);
        WriteUInt16(message.UdpBytesOffered is null ? (ushort)0 : (ushort)1);
    }

    private void WriteRecord(DnsRecord record)
    {
        WriteName(record.Name);
        WriteUInt16((ushort)record.Type);
        WriteUInt16(record.Class);
        WriteUInt16((ushort)(record.TtlSeconds >> 16));
        WriteUInt16((ushort)record.TtlSeconds);
        int lengthAt = _bytes.Count;
        WriteUInt16(0);
        if (record.Address is { } address)
        {
            _bytes.AddRange(address.GetAddressBytes());
        }
        else if (record.Target is { } target)
        {
            WriteName(target);
        }
        else
        {
            _bytes.AddRange(record.Data.Span);
        }

        int length = _bytes.Count - lengthAt - 2;
        _bytes[lengthAt] = (byte)(length >> 8);
        _bytes[lengthAt + 1] = (byte)length;
    }

    /// <summary>RFC 6891 section 6.1.2: root name, type OPT, class = size, no flags, no options.</summary>
    private void WriteOptions(ushort udpBytes)
    {
        _bytes.Add(0);
        WriteUInt16((ushort)DnsRecordType.OPT);
        WriteUInt16(udpBytes);
        _bytes.AddRange([0, 0, 0, 0, 0, 0]);
    }

    private void WriteName(string name)
    {
        string rest = name == "." ? "" : name;
        while (rest.Length > 0)
        {
            if (_names.TryGetValue(rest, out int at) && at < _bytes.Count)
            {
                WriteUInt16((ushort)(0xC000 | at));
                return;
            }

            if (_bytes.Count <= PointerMax)
            {
                _names[rest] = _bytes.Count;
            }

            rest = WriteLabel(rest);
        }

        _bytes.Add(0);
    }

    /// <summary>Writes the first label and returns what follows its dot.</summary>
    private string WriteLabel(string name)
    {
        int lengthAt = _bytes.Count;
        _bytes.Add(0);
        int i = 0;
        while (i < name.Length && name[i] != '.')
        {
            if (name[i] == '\\' && i + 3 < name.Length && char.IsAsciiDigit(name[i + 1]))
            {
                _bytes.Add(byte.Parse(name.AsSpan(i + 1, 3), CultureInfo.InvariantCulture));
                i += 4;
            }
            else
            {
                i += name[i] == '\\' && i + 1 < name.Length ? 1 : 0;
                _bytes.Add((byte)name[i]);
                i++;
            }
        }

        int length = _bytes.Count - lengthAt - 1;
        if (length is 0 or > LabelBytesMax)
        {
            throw new FormatException($"The name '{name}' has a label of {length} bytes; 1 to {LabelBytesMax} are allowed.");
        }

        _bytes[lengthAt] = (byte)length;
        return i < name.Length ? name[(i + 1)..] : "";
    }

    private void WriteUInt16(ushort value)
    {
        _bytes.Add((byte)(value >> 8));
        _bytes.Add((byte)value);
    }
}
