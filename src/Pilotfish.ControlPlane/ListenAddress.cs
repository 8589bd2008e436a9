using System.Globalization;
using System.Net;

namespace Pilotfish.ControlPlane;

/// <summary>Addresses as Go's flags write them: `:15010`, `127.0.0.1:0`, or empty for "do not listen".</summary>
internal static class ListenAddress
{
    public static bool TryParse(string text, out IPEndPoint? endpoint, out string error)
    {
        endpoint = null;
        error = "";
        if (text.Length == 0)
        {
            return true;
        }

        var colon = text.LastIndexOf(':');
        var host = colon < 0 ? "" : text[..colon];
        if (colon < 0
            || !int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port > IPEndPoint.MaxPort)
        {
            error = $"The address '{text}' is not of the form host:port.";
            return false;
        }

        // No host means all addresses of both families.
        if (host.Length == 0)
        {
            endpoint = new IPEndPoint(IPAddress.IPv6Any, port);
            return true;
        }

        if (!IPAddress.TryParse(host is "localhost" ? "127.0.0.1" : host, out var address))
        {
            error = $"The host of the address '{text}' is not an IP address.";
            return false;
        }

        endpoint = new IPEndPoint(address, port);
        return true;
    }
}
