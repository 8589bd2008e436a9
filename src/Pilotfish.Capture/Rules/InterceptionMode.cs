namespace Pilotfish.Capture.Rules;

/// <summary>How inbound connections reach the proxy; outbound ones are always redirected.</summary>
internal enum InterceptionMode
{
    Redirect,
    Tproxy,
}
