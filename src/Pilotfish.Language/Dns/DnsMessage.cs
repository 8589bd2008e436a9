using System.Diagnostics.CodeAnalysis;

namespace Pilotfish.Language.Dns;

/// <summary>A DNS message (RFC 1035 section 4) with what a resolver and a caching proxy need of it.</summary>
public sealed record DnsMessage
{
    public const ushort ClassInternet = 1;

    /// <summary>Header: id, flags, four counts.</summary>
    public const int HeaderBytes = 12;

    /// <summary>What a UDP answer may have when the asker offers no more (RFC 1035 section 4.2.1).</summary>
    public const int UdpBytesDefault = 512;

    /// <summary>The length prefix of TCP has 16 bits.</summary>
    public const int BytesMax = 65535;

    public ushort Id { get; init; }

    public bool IsResponse { get; init; }

    public byte OpCode { get; init; }

    public bool IsAuthoritative { get; init; }

    public bool IsTruncated { get; init; }

    public bool RecursionDesired { get; init; }

    public bool RecursionAvailable { get; init; }

    public DnsResponseCode ResponseCode { get; init; }

    public IReadOnlyList<DnsQuestion> Questions { get; init; } = [];

    public IReadOnlyList<DnsRecord> Answers { get; init; } = [];

    /// <summary>The size that the sender can take over UDP (EDNS, RFC 6891); null where it sent no OPT record.</summary>
    public ushort? UdpBytesOffered { get; init; }

    /// <summary>False, with a sentence why, for bytes that are no message. Authority records are passed over.</summary>
    public static bool TryParse(
        ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out DnsMessage? message, [NotNullWhen(false)] out string? problem) =>
        DnsMessageParser.TryParse(bytes, out message, out problem);

    /// <summary>A reply to this query: same id, question, opcode and wish for recursion.</summary>
    public DnsMessage Reply(DnsResponseCode code) => new()
    {
        Id = Id,
        IsResponse = true,
        OpCode = OpCode,
        RecursionDesired = RecursionDesired,
        ResponseCode = code,
        Questions = Questions,
    };

    /// <summary>
    /// The bytes, with names compressed. Answers that do not fit the limit are left out and the message says that it is truncated.
    /// </summary>
    public byte[] ToBytes(int bytesMax = BytesMax) => new DnsMessageWriter(bytesMax).Write(this);
}
