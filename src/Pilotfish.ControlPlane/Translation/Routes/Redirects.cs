using Envoy.Config.Route.V3;
using Istio.Networking.V1Alpha3;
using Code = Envoy.Config.Route.V3.RedirectAction.Types.RedirectResponseCode;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>Redirects of a VirtualService.</summary>
internal static class Redirects
{
    private const int HttpPort = 80;
    private const int HttpsPort = 443;

    /// <summary>Null when the response code is none that redirects: the route then has no action and the proxy refuses it.</summary>
    public static RedirectAction? Build(HTTPRedirect given, int listenerPort)
    {
        if (ResponseCode(given.RedirectCode) is not { } code)
        {
            return null;
        }

        var action = new RedirectAction { HostRedirect = given.Authority, ResponseCode = code };
        const string PrefixPlaceholder = "%PREFIX()%";
        if (given.Uri.StartsWith(PrefixPlaceholder, StringComparison.Ordinal))
        {
            action.PrefixRewrite = given.Uri[PrefixPlaceholder.Length..];
        }
        else
        {
            action.PathRedirect = given.Uri;
        }

        if (given.Scheme.Length > 0)
        {
            action.SchemeRedirect = given.Scheme;
        }

        ApplyPort(action, given, listenerPort);
        return action;
    }

    // A port that the scheme implies is left out of the location.
    private static void ApplyPort(RedirectAction action, HTTPRedirect given, int listenerPort)
    {
        switch (given.RedirectPortCase)
        {
            case HTTPRedirect.RedirectPortOneofCase.Port:
                action.PortRedirect = given.Port;
                break;
            case HTTPRedirect.RedirectPortOneofCase.DerivePort
                when given.DerivePort == HTTPRedirect.Types.RedirectPortSelection.FromRequestPort:
                action.PortRedirect = (uint)listenerPort;
                break;
            default:
                return;
        }

        var scheme = given.Scheme.Length > 0 ? given.Scheme : "http";
        if ((action.PortRedirect == HttpPort && scheme == "http") || (action.PortRedirect == HttpsPort && scheme == "https"))
        {
            action.PortRedirect = 0;
        }
    }

    private static Code? ResponseCode(uint code) => code switch
    {
        0 or 301 => Code.MovedPermanently,
        302 => Code.Found,
        303 => Code.SeeOther,
        307 => Code.TemporaryRedirect,
        308 => Code.PermanentRedirect,
        _ => null,
    };
}
