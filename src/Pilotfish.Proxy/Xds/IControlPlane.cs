namespace Pilotfish.Proxy.Xds;

/// <summary>
/// How to reach a control plane. The agent implements it (TLS, tokens, its own address); under <c>serve</c> the bootstrap says it. Main
/// loop.
/// </summary>
public interface IControlPlane
{
    /// <summary>For logs and control_plane.identifier.</summary>
    string Name { get; }

    /// <summary>Asked before each stream: credentials are read anew, and the cluster may be replaced.</summary>
    ControlPlaneCall Prepare();

    /// <summary>What an operator can do about a failed connection, from what the transport said of it; null when that says it all.</summary>
    string? Advice(string transportFailure) => null;
}
