namespace Pilotfish.Language.Dns;

/// <summary>Record types that we name; any other number may appear too. Spelt as RFC 1035 and its successors spell them.</summary>
public enum DnsRecordType : ushort
{
    A = 1,
    NS = 2,
    CNAME = 5,
    SOA = 6,
    PTR = 12,
    MX = 15,
    TXT = 16,
    AAAA = 28,
    SRV = 33,
    OPT = 41,
    ANY = 255,
}
