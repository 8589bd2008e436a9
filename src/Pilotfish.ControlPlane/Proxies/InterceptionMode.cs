namespace Pilotfish.ControlPlane.Proxies;

/// <summary>How a proxy's workload is captured.</summary>
public enum InterceptionMode
{
    Redirect,
    Tproxy,
    None,
}
