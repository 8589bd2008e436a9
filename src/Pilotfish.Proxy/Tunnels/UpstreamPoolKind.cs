namespace Pilotfish.Proxy.Tunnels;

/// <summary>upstream_config of a cluster: what the payload of HTTP requests becomes on the way to its hosts.</summary>
public enum UpstreamPoolKind : byte
{
    /// <summary>HTTP, or TCP where the route terminates CONNECT.</summary>
    Generic,

    /// <summary>Always HTTP: CONNECT goes on as CONNECT whatever the route says.</summary>
    Http,

    /// <summary>Always TCP: the payload of any request.</summary>
    Tcp,
}
