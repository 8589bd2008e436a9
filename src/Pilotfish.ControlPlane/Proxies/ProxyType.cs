namespace Pilotfish.ControlPlane.Proxies;

/// <summary>The role a proxy announces in its node id.</summary>
public enum ProxyType
{
    Sidecar,
    Router,
    Waypoint,
}
