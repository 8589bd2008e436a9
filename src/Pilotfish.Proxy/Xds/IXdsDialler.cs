using Pilotfish.Proxy.AsyncClient;

namespace Pilotfish.Proxy.Xds;

/// <summary>Makes calls to one control plane. Main loop.</summary>
internal interface IXdsDialler
{
    /// <summary>For logs and control_plane.identifier.</summary>
    string Name { get; }

    IXdsCall Dial(GrpcMethod method, IXdsCallEvents events);

    /// <summary>As <see cref="IControlPlane.Advice"/>.</summary>
    string? Advice(string transportFailure);
}
