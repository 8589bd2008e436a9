namespace Pilotfish.Agent.Commands;

/// <summary>
/// The version that the proxy tells its control plane. istiod sends newer resource forms to newer proxies, so it names the
/// Istio whose resources this data plane reads, not Pilotfish's own version.
/// </summary>
internal static class IstioCompatibility
{
    public const string Version = "1.29.0";
}
