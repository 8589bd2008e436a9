using Pilotfish.ControlPlane.Registry;

namespace Pilotfish.ControlPlane.Translation.Listeners;

/// <summary>Maps service protocols to what listeners do with them.</summary>
internal static class ListenerProtocols
{
    public static ListenerProtocol Of(PortProtocol protocol) => protocol switch
    {
        PortProtocol.Udp => ListenerProtocol.None,
        PortProtocol.Unsupported => ListenerProtocol.Auto,
        _ when protocol.IsHttp() => ListenerProtocol.Http,
        _ => ListenerProtocol.Tcp,
    };
}
