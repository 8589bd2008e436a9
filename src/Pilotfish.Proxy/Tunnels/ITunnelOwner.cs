using Pilotfish.Proxy.Http;

namespace Pilotfish.Proxy.Tunnels;

/// <summary>Who opened a <see cref="TunnelStream"/> hears of what a byte stream has no words for. The tunnel's loop.</summary>
internal interface ITunnelOwner
{
    /// <summary>The answer's head, granted or not; its owner's copy to make, valid during the call.</summary>
    void OnTunnelHeaders(HeaderMap headers);

    /// <summary>Trailers behind the far side's last byte; valid during the call.</summary>
    void OnTunnelTrailers(HeaderMap trailers);

    /// <summary>The far side had said its last and will take nothing more: the exchange is over, not broken.</summary>
    void OnTunnelOver();
}
