using Pilotfish.Proxy.Reasons;

namespace Pilotfish.Proxy.Http;

/// <summary>Fragment, escaped slashes, RFC 3986 normalisation and slash merging, in Envoy's order. Clean paths are only looked at.</summary>
internal static class PathRules
{
    /// <summary>False when the request was answered here.</summary>
    public static bool Apply(HttpStream stream)
    {
        HcmModel hcm = stream.Hcm;
        HeaderMap headers = stream.RequestHeaders;
        ReadOnlySpan<byte> path = headers[WellKnownHeader.Path];
        int fragment = path.IndexOf((byte)'#');
        if (fragment >= 0)
        {
            if (hcm.RejectFragment.Current)
            {
                return Fail(stream);
            }

            headers.Set(WellKnownHeader.Path, path[..fragment]);
            path = headers[WellKnownHeader.Path];
        }

        int query = path.IndexOf((byte)'?');
        ReadOnlySpan<byte> only = query < 0 ? path : path[..query];
        bool passed = path.IsEmpty || !NeedsWork(only, hcm)
            || Rewrite(stream, hcm, only.ToArray(), query < 0 ? [] : path[query..].ToArray());
        return passed && (!hcm.TransformsPaths || Transform(stream, hcm));
    }

    // path_normalization_options: what is forwarded, then what only filters and routes see.
    private static bool Transform(HttpStream stream, HcmModel hcm)
    {
        HeaderMap headers = stream.RequestHeaders;
        if (headers[WellKnownHeader.Path].IsEmpty)
        {
            return true;
        }

        byte[]? forwarded = hcm.ForwardedPath is { } forwarding
            ? forwarding.Apply(headers[WellKnownHeader.Path])
            : headers[WellKnownHeader.Path].ToArray();
        byte[]? seen = forwarded is null || hcm.FilteredPath is null ? forwarded : hcm.FilteredPath.Apply(forwarded);
        if (forwarded is null || seen is null)
        {
            return Fail(stream);
        }

        headers.Set(WellKnownHeader.Path, seen);
        stream.RememberPath(forwarded, seen);
        return true;
    }

    private static bool NeedsWork(ReadOnlySpan<byte> path, HcmModel hcm) =>
        ((hcm.NormalizePath || hcm.EscapedSlashes != EscapedSlashesAction.Keep) && path.IndexOfAny("%\\"u8) >= 0)
        || (hcm.NormalizePath && path.IndexOf("/."u8) >= 0)
        || (hcm.MergeSlashes && path.IndexOf("//"u8) >= 0);

    private static bool Rewrite(HttpStream stream, HcmModel hcm, byte[] before, byte[] query)
    {
        byte[]? path = before;
        bool redirect = false;
        if (hcm.EscapedSlashes != EscapedSlashesAction.Keep)
        {
            byte[] unescaped = PathNormalizer.UnescapeSlashes(path);
            if (unescaped.Length != path.Length)
            {
                if (hcm.EscapedSlashes == EscapedSlashesAction.Reject)
                {
                    return Fail(stream);
                }

                redirect = hcm.EscapedSlashes == EscapedSlashesAction.UnescapeAndRedirect;
                path = unescaped;
            }
        }

        if (hcm.NormalizePath)
        {
            path = PathNormalizer.Normalize(path);
            if (path is null)
            {
                return Fail(stream);
            }
        }

        path = hcm.MergeSlashes ? PathNormalizer.MergeSlashes(path) : path;
        byte[] whole = [.. path, .. query];
        stream.RequestHeaders.Set(WellKnownHeader.Path, whole);
        if (!redirect)
        {
            return true;
        }

        if (stream.IsGrpc)
        {
            // Clients of gRPC do not follow redirects: they hear that the request is wrong (grpc-status 13).
            return Fail(stream);
        }

        stream.Worker.Stats.Add(stream.Hcm.Stats.RqRedirectedPath);
        stream.Reply(307, [], EndReasons.PathNormalizationFailed, headers => headers.Set(WellKnownHeader.Location, whole));
        return false;
    }

    private static bool Fail(HttpStream stream)
    {
        stream.Worker.Stats.Add(stream.Hcm.Stats.RqFailedPathNormalization);
        stream.Reply(400, [], EndReasons.PathNormalizationFailed);
        return false;
    }
}
