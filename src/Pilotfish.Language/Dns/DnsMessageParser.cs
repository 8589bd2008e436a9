using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Text;

namespace Pilotfish.Language.Dns;

/// <summary>Bytes to <see cref="DnsMessage"/>. Every length and pointer is checked; no bytes make it throw or loop.</summary>
internal ref struct DnsMessageParser
{
    // RFC 1035 section 2.3.4: a name has at most 255 bytes on the wire.
    private const int NameBytesMax = 255;
    private const int PointerMark = 0xC0;

    // A reply with more records than this is an attack on the parser's memory, not an answer.
    private const int RecordsMax = 2048;

    private readonly ReadOnlySpan<byte> _bytes;
    private int _at;
    private string? _problem;

    private DnsMessageParser(ReadOnlySpan<byte> bytes) => _bytes = bytes;

    public static bool TryParse(
        ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out DnsMessage? message, [NotNullWhen(false)] out string? problem)
    {
        var parser = new DnsMessageParser(bytes);
        message = parser.Parse();
        problem = message is null ? parser._problem ?? "The message is broken." : null;
        return message is not null;
    }

    //   +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+   RFC 1035 section 4.1.1, second word:
    //   |QR|   Opcode  |AA|TC|RD|RA|   Z    |   RCODE   |
    //   +--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+--+
    private DnsMessage? Parse()
    {
        if (_bytes.Length < DnsMessage.HeaderBytes)
        {
            _problem = "The message is shorter than a header.";
            return null;
        }

        ushort id = ReadUInt16();
        ushort flags = ReadUInt16();
        int questionCount = ReadUInt16();
        int answerCount = ReadUInt16();
        int authorityCount = ReadUInt16();
        int additionalCount = ReadUInt16();
        if (questionCount + answerCount + authorityCount + additionalCount > RecordsMax)
        {
            _problem = $"The message claims more than {RecordsMax} records.";
            return null;
        }

        var questions = new List<DnsQuestion>();
        for (int i = 0; i < questionCount; i++)
        {
            if (!TryReadName(out string name) || !Has(4))
            {
                return Broken("question");
            }

            questions.Add(new DnsQuestion(name, (DnsRecordType)ReadUInt16(), ReadUInt16()));
        }

        var answers = new List<DnsRecord>();
        if (!TryReadRecords(answerCount, answers) || !TryReadRecords(authorityCount, []))
        {
            return Broken("answer");
        }

        var additional = new List<DnsRecord>();
        if (!TryReadRecords(additionalCount, additional))
        {
            return Broken("additional record");
        }

        DnsRecord? options = additional.Find(r => r.Type == DnsRecordType.OPT);
        return new DnsMessage
        {
            Id = id,
            IsResponse = (flags & 0x8000) != 0,
            OpCode = (byte)((flags >> 11) & 0xF),
            IsAuthoritative = (flags & 0x0400) != 0,
            IsTruncated = (flags & 0x0200) != 0,
            RecursionDesired = (flags & 0x0100) != 0,
            RecursionAvailable = (flags & 0x0080) != 0,
            ResponseCode = (DnsResponseCode)(flags & 0xF),
            Questions = questions,
            Answers = answers,

            // RFC 6891 section 6.1.2: the class of an OPT record is the size that its sender takes.
            UdpBytesOffered = options?.Class,
        };
    }

    private bool TryReadRecords(int count, List<DnsRecord> records)
    {
        for (int i = 0; i < count; i++)
        {
            if (!TryReadName(out string name) || !Has(10))
            {
                return false;
            }

            var type = (DnsRecordType)ReadUInt16();
            ushort @class = ReadUInt16();
            uint ttl = BinaryPrimitives.ReadUInt32BigEndian(_bytes[_at..]);
            _at += 4;
            int length = ReadUInt16();
            if (!Has(length))
            {
                return false;
            }

            int end = _at + length;
            var record = new DnsRecord { Name = name, Type = type, Class = @class, TtlSeconds = ttl };
            switch (type)
            {
                case DnsRecordType.A when length == 4:
                case DnsRecordType.AAAA when length == 16:
                    record = record with { Address = new IPAddress(_bytes.Slice(_at, length)) };
                    break;
                case DnsRecordType.A or DnsRecordType.AAAA:
                    return false;
                case DnsRecordType.CNAME or DnsRecordType.NS or DnsRecordType.PTR:
                    if (!TryReadName(out string target) || _at != end)
                    {
                        return false;
                    }

                    record = record with { Target = target };
                    break;
                default:
                    record = record with { Data = _bytes.Slice(_at, length).ToArray() };
                    break;
            }

            _at = end;
            records.Add(record);
        }

        return true;
    }

    /// <summary>A name in text form; pointers must lead backwards, so that every chain of them ends.</summary>
    private bool TryReadName(out string name)
    {
        var text = new StringBuilder();
        int at = _at;
        int after = -1;
        int pointerBound = _at;
        int wireBytes = 1;
        name = "";
        while (true)
        {
            if (at >= _bytes.Length)
            {
                return false;
            }

            int length = _bytes[at];
            if (length == 0)
            {
                _at = after >= 0 ? after : at + 1;
                name = text.Length == 0 ? "." : text.ToString();
                return true;
            }

            if ((length & PointerMark) == PointerMark)
            {
                int target = at + 1 < _bytes.Length ? ((length & ~PointerMark) << 8) | _bytes[at + 1] : int.MaxValue;
                if (target >= pointerBound)
                {
                    return false;
                }

                after = after >= 0 ? after : at + 2;
                pointerBound = target;
                at = target;
                continue;
            }

            wireBytes += length + 1;
            if ((length & PointerMark) != 0 || at + 1 + length > _bytes.Length || wireBytes > NameBytesMax)
            {
                return false;
            }

            AppendLabel(_bytes.Slice(at + 1, length), text);
            at += 1 + length;
        }
    }

    private static void AppendLabel(ReadOnlySpan<byte> label, StringBuilder text)
    {
        foreach (byte b in label)
        {
            if (b is (byte)'.' or (byte)'\\')
            {
                text.Append('\\').Append((char)b);
            }
            else if (b is > 32 and < 127)
            {
                text.Append((char)b);
            }
            else
            {
                text.Append(CultureInfo.InvariantCulture, $"\\{b:d3}");
            }
        }

        text.Append('.');
    }

    private readonly bool Has(int count) => _at + count <= _bytes.Length;

    private ushort ReadUInt16()
    {
        ushort value = BinaryPrimitives.ReadUInt16BigEndian(_bytes[_at..]);
        _at += 2;
        return value;
    }

    private DnsMessage? Broken(string part)
    {
        _problem = $"The message has a broken {part} near byte {_at}.";
        return null;
    }
}
