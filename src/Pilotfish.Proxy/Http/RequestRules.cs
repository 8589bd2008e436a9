using System.Text;
using Pilotfish.Proxy.Reasons;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// What a connection manager does to a request's head before routing, in Envoy's order, because the order shows in status codes and logs:
/// (1) Expect, (2) HTTP version, (3) host and path present, (4) path normalisation, (5) host, (6) headers.
/// </summary>
internal static class RequestRules
{
    /// <summary>False when the request was answered here.</summary>
    public static bool Apply(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        HcmModel hcm = stream.Hcm;
        if (headers.Has(WellKnownHeader.Expect))
        {
            AnswerExpect(stream);
        }

        if (stream.Info.Protocol == HttpProtocol.Http10)
        {
            if (!hcm.AcceptHttp10)
            {
                stream.Reply(426, [], EndReasons.LowVersion);
                return false;
            }

            if (hcm.DefaultHostForHttp10 is { } host && !headers.Has(WellKnownHeader.Authority))
            {
                headers.Set(WellKnownHeader.Authority, host);
            }
        }

        if (!CheckTarget(stream) || !PathRules.Apply(stream))
        {
            return false;
        }

        ApplyHostRules(stream, headers, hcm, stream.Info.Connection.LocalAddress.Port);
        return ApplyHeaderRules(stream);
    }

    private static void AnswerExpect(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        if (stream.Hcm.Proxy100Continue || !Ascii.EqualsIgnoreCase(headers[WellKnownHeader.Expect], "100-continue"u8))
        {
            return;
        }

        headers.Remove(WellKnownHeader.Expect);
        stream.SendContinue();
    }

    private static bool CheckTarget(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        if (!headers.TryGet(WellKnownHeader.Authority, out ReadOnlySpan<byte> authority) || authority.IsEmpty)
        {
            stream.Reply(400, [], EndReasons.MissingHost);
            return false;
        }

        bool isConnect = headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8);
        if (!headers.TryGet(WellKnownHeader.Path, out ReadOnlySpan<byte> path) || path.IsEmpty)
        {
            if (isConnect)
            {
                return true;
            }

            stream.Reply(404, [], EndReasons.MissingPath);
            return false;
        }

        if (path[0] != '/')
        {
            stream.Worker.Stats.Add(stream.Hcm.Stats.RqNonRelativePath);
            stream.Reply(404, [], EndReasons.AbsolutePath);
            return false;
        }

        return true;
    }

    private static void ApplyHostRules(HttpStream stream, HeaderMap headers, HcmModel hcm, ushort localPort)
    {
        if (!hcm.StripAnyPort && !hcm.StripMatchingPort && !hcm.StripTrailingHostDot)
        {
            return;
        }

        ReadOnlySpan<byte> authority = headers[WellKnownHeader.Authority];
        ReadOnlySpan<byte> host = HostText.WithoutPort(authority);
        ReadOnlySpan<byte> port = authority[host.Length..];
        Span<byte> text = stackalloc byte[6];
        bool matches = port.Length > 1 && localPort.TryFormat(text, out int digits) && port[1..].SequenceEqual(text[..digits]);
        bool strip = !port.IsEmpty && (hcm.StripAnyPort || (hcm.StripMatchingPort && matches));
        bool dot = hcm.StripTrailingHostDot && host.EndsWith("."u8);
        if (!strip && !dot)
        {
            return;
        }

        if (strip && headers[WellKnownHeader.Method].SequenceEqual("CONNECT"u8))
        {
            stream.ConnectPort = port.ToArray();
        }

        byte[] joined = [.. dot ? host[..^1] : host, .. strip ? default : port];
        headers.Set(WellKnownHeader.Authority, joined);
    }

    private static bool ApplyHeaderRules(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        HcmModel hcm = stream.Hcm;
        hcm.EarlyMutations?.Apply(stream);
        headers.Remove(WellKnownHeader.XEnvoyInternal);
        if (!ClientAddress.TryApply(stream, out bool isEdge))
        {
            return false;
        }

        if (!stream.IsInternal)
        {
            InternalHeaders.Strip(headers, isEdge, stream.CurrentRoutes());
        }
        else
        {
            headers.Set(WellKnownHeader.XEnvoyInternal, "true"u8);
        }

        if (headers.Has(WellKnownHeader.Referer))
        {
            RefererRules.Apply(headers);
        }

        ApplyScheme(stream);
        if (hcm.AppendForwardedPort && (IsFirstHop(hcm) || !headers.Has(WellKnownHeader.XForwardedPort)))
        {
            headers.SetNumber(WellKnownHeader.XForwardedPort, stream.Info.Connection.LocalAddress.Port);
        }

        if (hcm.UserAgent is { } agent)
        {
            IntroduceProxy(headers, agent, hcm.ServiceNode);
        }

        ApplyRequestId(stream, isEdge);
        ClientCertHeader.Apply(stream);
        if (hcm.Via is { } via)
        {
            headers.AppendValue(WellKnownHeader.Via, ", "u8, via);
        }

        return true;
    }

    // add_user_agent: what an edge proxy says of itself.
    private static void IntroduceProxy(HeaderMap headers, byte[] cluster, byte[]? node)
    {
        headers.Set(WellKnownHeader.XEnvoyDownstreamServiceCluster, cluster);
        if (headers[WellKnownHeader.UserAgent].IsEmpty)
        {
            headers.Set(WellKnownHeader.UserAgent, cluster);
        }

        if (node is not null)
        {
            headers.Set(WellKnownHeader.XEnvoyDownstreamServiceNode, node);
        }
    }

    // No proxy that is trusted stands in front: what the client says of its connection counts for nothing.
    private static bool IsFirstHop(HcmModel hcm) => hcm.UseRemoteAddress && hcm.TrustedHops == 0;

    private static void ApplyScheme(HttpStream stream)
    {
        HeaderMap headers = stream.RequestHeaders;
        HcmModel hcm = stream.Hcm;
        ReadOnlySpan<byte> ofConnection = hcm.ForwardedProtoPorts is { } ports ? ports.Of(stream.Info.Connection) : default;
        if (ofConnection.IsEmpty)
        {
            ofConnection = stream.Info.Connection.Tls is null ? "http"u8 : "https"u8;
        }

        if (IsFirstHop(hcm) || !headers.Has(WellKnownHeader.XForwardedProto))
        {
            headers.Set(WellKnownHeader.XForwardedProto, ofConnection);
        }

        if (hcm.SchemeOverwrite is { } scheme)
        {
            headers.Set(WellKnownHeader.Scheme, scheme);
            headers.Set(WellKnownHeader.XForwardedProto, scheme);
        }
        else if (!headers.Has(WellKnownHeader.Scheme))
        {
            ReadOnlySpan<byte> forwarded = headers[WellKnownHeader.XForwardedProto];
            bool known = forwarded.SequenceEqual("http"u8) || forwarded.SequenceEqual("https"u8);
            headers.Set(WellKnownHeader.Scheme, known ? forwarded : ofConnection);
        }
    }

    private static void ApplyRequestId(HttpStream stream, bool isEdge)
    {
        HcmModel hcm = stream.Hcm;
        HeaderMap headers = stream.RequestHeaders;
        bool replace = isEdge && !hcm.PreserveExternalRequestId;
        if (!hcm.GenerateRequestId)
        {
            return;
        }

        if (headers.Has(WellKnownHeader.XRequestId) && !replace)
        {
            if (isEdge && hcm.PacksTraceReason)
            {
                // Outsiders must not make us trace.
                RequestIds.ClearTraceReason(headers);
            }

            return;
        }

        Span<byte> id = stackalloc byte[RequestIds.Length];
        stream.Worker.RequestIds.Write(id);
        headers.Set(WellKnownHeader.XRequestId, id);
    }
}
