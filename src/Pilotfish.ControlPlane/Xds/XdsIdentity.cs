namespace Pilotfish.ControlPlane.Xds;

/// <summary>How this control plane names itself in responses.</summary>
internal static class XdsIdentity
{
    public static readonly string Version = typeof(XdsIdentity).Assembly.GetName().Version?.ToString(3) ?? "0.0.0";

    public static readonly Envoy.Config.Core.V3.ControlPlane ControlPlane = new() { Identifier = $"{{\"Component\":\"pilotfish\",\"Info\":{{\"version\":\"{Version}\"}}}}" };
}
