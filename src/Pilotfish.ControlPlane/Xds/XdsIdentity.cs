using Pilotfish.Api.Names;

namespace Pilotfish.ControlPlane.Xds;

/// <summary>How this control plane names itself in responses.</summary>
internal static class XdsIdentity
{
    public static readonly string Version = BuildInfo.Current.Version;

    /// <summary>istioctl reads the identifier as JSON of this form (istio: pilot/pkg/xds/discovery.go, IstioControlPlaneInstance).</summary>
    public static readonly Envoy.Config.Core.V3.ControlPlane ControlPlane = new()
    {
        Identifier = $$$"""
            {"Component":"pilotfish","Info":{"version":"{{{Version}}}","revision":"{{{BuildInfo.Current.Revision}}}","status":"{{{BuildInfo.Current.Status}}}","tag":"{{{Version}}}"}}
            """,
    };
}
