namespace Pilotfish.Proxy.Http;

/// <summary>server_header_transformation.</summary>
public enum ServerHeaderRule : byte
{
    Overwrite,
    AppendIfAbsent,
    PassThrough,
}
