namespace Pilotfish.Language.Dns;

/// <summary>RFC 1035 section 4.1.1.</summary>
public enum DnsResponseCode : byte
{
    NOERROR = 0,
    FORMERR = 1,
    SERVFAIL = 2,
    NXDOMAIN = 3,
    NOTIMP = 4,
    REFUSED = 5,
}
