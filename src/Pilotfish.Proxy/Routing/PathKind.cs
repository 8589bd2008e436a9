namespace Pilotfish.Proxy.Routing;

public enum PathKind : byte
{
    Prefix,
    Exact,
    Regex,
    SeparatedPrefix,
    Connect,
    Template,
}
