namespace Pilotfish.Proxy.Tls;

internal enum SubjectAltNameKind
{
    Any,
    Email,
    Dns,
    Uri,
    IpAddress,
    OtherName,
}
