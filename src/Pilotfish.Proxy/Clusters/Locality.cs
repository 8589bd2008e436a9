namespace Pilotfish.Proxy.Clusters;

/// <summary>Where an endpoint or this proxy runs. Empty parts mean "not stated".</summary>
public sealed record Locality(string Region, string Zone, string SubZone)
{
    public static readonly Locality None = new("", "", "");
}
