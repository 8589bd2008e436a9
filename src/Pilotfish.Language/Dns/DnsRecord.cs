using System.Net;
using System.Net.Sockets;

namespace Pilotfish.Language.Dns;

/// <summary>One resource record. Names inside of CNAME, NS and PTR are read out; other data stays as bytes.</summary>
public sealed record DnsRecord
{
    public required string Name { get; init; }

    public required DnsRecordType Type { get; init; }

    public ushort Class { get; init; } = DnsMessage.ClassInternet;

    public uint TtlSeconds { get; init; }

    /// <summary>The address of an A or AAAA record.</summary>
    public IPAddress? Address { get; init; }

    /// <summary>The name that a CNAME, NS or PTR record points to.</summary>
    public string? Target { get; init; }

    /// <summary>The data of any other record, with no compressed name in it.</summary>
    public ReadOnlyMemory<byte> Data { get; init; }

    public static DnsRecord OfAddress(string name, IPAddress address, uint ttlSeconds) => new()
    {
        Name = name,
        Type = address.AddressFamily == AddressFamily.InterNetwork ? DnsRecordType.A : DnsRecordType.AAAA,
        TtlSeconds = ttlSeconds,
        Address = address,
    };

    public static DnsRecord OfAlias(string name, string target, uint ttlSeconds) => new()
    {
        Name = name,
        Type = DnsRecordType.CNAME,
        TtlSeconds = ttlSeconds,
        Target = target,
    };
}
