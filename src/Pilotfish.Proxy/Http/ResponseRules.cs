namespace Pilotfish.Proxy.Http;

/// <summary>What a connection manager does to every response's head on its way to the client.</summary>
internal static class ResponseRules
{
    /// <summary>Applies the rules and returns the status.</summary>
    public static int Apply(HttpStream stream)
    {
        HeaderMap headers = stream.ResponseHeaders;
        HcmModel hcm = stream.Hcm;
        int status = Status(headers);
        RemoveHopHeaders(headers, keepsUpgrade: status == 101);

        if (!headers.Has(WellKnownHeader.Date))
        {
            headers.Add(WellKnownHeader.Date, stream.Worker.Date.Now);
        }

        bool setServer = hcm.ServerHeader == ServerHeaderRule.Overwrite
            || (hcm.ServerHeader == ServerHeaderRule.AppendIfAbsent && !headers.Has(WellKnownHeader.Server));
        if (setServer)
        {
            headers.Set(WellKnownHeader.Server, hcm.ServerName);
        }

        TellRequestId(stream, headers);
        if (hcm.Via is { } via)
        {
            headers.AppendValue(WellKnownHeader.Via, ", "u8, via);
        }

        return hcm.ProxyStatus is { } rules && !stream.Info.Flags.IsEmpty ? rules.Apply(headers, stream.Info, status) : status;
    }

    /// <summary>
    /// The same for an interim response: what belongs to the upstream's hop or announces a body stays here, and nothing but the request's id
    /// is added, as the final response carries the rest.
    /// </summary>
    public static void ApplyToInformational(HttpStream stream, HeaderMap headers)
    {
        RemoveHopHeaders(headers, keepsUpgrade: false);
        headers.Remove(WellKnownHeader.ContentLength);
        TellRequestId(stream, headers);
    }

    private static void RemoveHopHeaders(HeaderMap headers, bool keepsUpgrade)
    {
        headers.Remove(WellKnownHeader.Connection);
        headers.Remove(WellKnownHeader.TransferEncoding);
        headers.Remove(WellKnownHeader.KeepAlive);
        headers.Remove(WellKnownHeader.ProxyConnection);
        if (!keepsUpgrade)
        {
            headers.Remove(WellKnownHeader.Upgrade);
        }
    }

    // Who forces a trace wants to find it: only insiders keep x-envoy-force-trace.
    private static void TellRequestId(HttpStream stream, HeaderMap headers)
    {
        if ((stream.Hcm.AlwaysSetRequestIdInResponse || stream.RequestHeaders.Has(WellKnownHeader.XEnvoyForceTrace))
            && stream.RequestHeaders.TryGet(WellKnownHeader.XRequestId, out ReadOnlySpan<byte> id))
        {
            headers.Set(WellKnownHeader.XRequestId, id);
        }
    }

    public static int Status(HeaderMap headers)
    {
        ReadOnlySpan<byte> digits = headers[WellKnownHeader.Status];
        return digits.Length == 3 ? ((digits[0] - '0') * 100) + ((digits[1] - '0') * 10) + digits[2] - '0' : 500;
    }
}
