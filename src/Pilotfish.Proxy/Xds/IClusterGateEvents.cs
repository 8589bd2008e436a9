namespace Pilotfish.Proxy.Xds;

/// <summary>What the owner of a <see cref="ClusterGate"/> hears: one of the two, once. Main loop.</summary>
internal interface IClusterGateEvents
{
    /// <summary>The cluster serves; call now.</summary>
    void OnServing(ControlPlaneCall call);

    /// <summary>No call is possible this time, for this reason.</summary>
    void OnUnusable(string problem);
}
