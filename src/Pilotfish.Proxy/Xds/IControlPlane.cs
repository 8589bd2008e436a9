using Grpc.Core;

namespace Pilotfish.Proxy.Xds;

/// <summary>
/// How to reach a control plane. The agent implements it (TLS, tokens, its own address); under <c>serve</c> it dials the
/// bootstrap's cluster. Main loop.
/// </summary>
public interface IControlPlane : IDisposable
{
    /// <summary>For logs and control_plane.identifier.</summary>
    string Name { get; }

    /// <summary>Called before each stream: credentials are read anew, and a broken channel may be replaced.</summary>
    ValueTask<ControlPlaneCall> PrepareAsync(CancellationToken cancellation);
}
