using System.IO.Hashing;
using System.Numerics;
using System.Text;
using Envoy.Config.Route.V3;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Streams;

namespace Pilotfish.Proxy.Routing;

/// <summary>A route's hash policies: each that yields a value is rotated and mixed into the hash; a terminal one ends the list.</summary>
public sealed class HashPolicyModel
{
    // A cookie's value when the proxy makes one: 16 hex digits.
    private const int CookieValueLength = 16;

    private readonly Policy[] _policies;

    private HashPolicyModel(Policy[] policies) => _policies = policies;

    private enum Kind : byte
    {
        Header,
        Cookie,
        SourceIp,
        Query,
        FilterState,
        Nothing,
    }

    public static HashPolicyModel? Compile(IList<RouteAction.Types.HashPolicy> policies, string field)
    {
        if (policies.Count == 0)
        {
            return null;
        }

        var compiled = new Policy[policies.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            compiled[i] = Compile(policies[i], $"{field}[{i}]");
        }

        return new HashPolicyModel(compiled);
    }

    /// <summary>The hash, or null when no policy found its value.</summary>
    /// <param name="headers">The request.</param>
    /// <param name="info">The stream, for addresses and filter state.</param>
    /// <param name="setCookies">The Set-Cookie values that the response must carry for cookies that were made up; null for none.</param>
    public ulong? Compute(HeaderMap headers, StreamInfo info, out string[]? setCookies)
    {
        setCookies = null;
        ulong? hash = null;
        foreach (Policy policy in _policies)
        {
            if (Value(policy, headers, info, ref setCookies) is { } value)
            {
                hash = hash is null ? value : BitOperations.RotateLeft(hash.Value, 1) ^ value;
            }

            if (policy.Terminal && hash is not null)
            {
                break;
            }
        }

        return hash;
    }

    private static ulong? Value(Policy policy, HeaderMap headers, StreamInfo info, ref string[]? setCookies)
    {
        switch (policy.Kind)
        {
            case Kind.Header:
                return HeaderHash(policy, headers);
            case Kind.Query:
                return QueryString.TryGet(headers[WellKnownHeader.Path], policy.Name, out ReadOnlySpan<byte> parameter)
                    ? XxHash64.HashToUInt64(parameter)
                    : null;
            case Kind.SourceIp:
                Span<byte> address = stackalloc byte[64];
                return info.ClientAddress.TryFormatIp(address, out int length)
                    ? XxHash64.HashToUInt64(address[..length])
                    : null;
            case Kind.FilterState:
                return info.FilterState?.Get(policy.Text)?.PoolKeyHash;
            case Kind.Nothing:
                return null;
            default:
                return CookieHash(policy, headers, info, ref setCookies);
        }
    }

    private static ulong? HeaderHash(Policy policy, HeaderMap headers)
    {
        int slot = headers.FindSlot(policy.Name);
        if (slot < 0)
        {
            return null;
        }

        return headers.FindSlot(policy.Name, slot + 1) < 0
            ? XxHash64.HashToUInt64(policy.Rewritten(headers.At(slot).Value))
            : HashAll(policy, headers, slot);
    }

    // One hash seeds the next. The values are sorted, so that their order says nothing, as in Envoy (hash_policy.cc).
    private static ulong HashAll(Policy policy, HeaderMap headers, int slot)
    {
        var values = new List<byte[]>();
        for (; slot >= 0; slot = headers.FindSlot(policy.Name, slot + 1))
        {
            values.Add(policy.Rewritten(headers.At(slot).Value).ToArray());
        }

        values.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
        ulong hash = 0;
        foreach (byte[] value in values)
        {
            hash = XxHash64.HashToUInt64(value, (long)hash);
        }

        return hash;
    }

    private static ulong? CookieHash(Policy policy, HeaderMap headers, StreamInfo info, ref string[]? setCookies)
    {
        if (CookieHeader.TryGet(headers, policy.Name, out ReadOnlySpan<byte> value) && !value.IsEmpty)
        {
            return XxHash64.HashToUInt64(value);
        }

        if (policy.CookieMaxAgeSeconds < 0)
        {
            return null;
        }

        string addresses = info.Connection.RemoteAddress.ToString() + info.Connection.LocalAddress;
        string made = XxHash64.HashToUInt64(Encoding.ASCII.GetBytes(addresses)).ToString("x16");
        string age = policy.CookieMaxAgeSeconds > 0 ? $"; Max-Age={policy.CookieMaxAgeSeconds}" : "";
        setCookies = [.. setCookies ?? [], $"{policy.Text}=\"{made[..CookieValueLength]}\"{age}{policy.CookieSuffix}; HttpOnly"];
        return XxHash64.HashToUInt64(Encoding.ASCII.GetBytes(made));
    }

    private static Policy Compile(RouteAction.Types.HashPolicy policy, string field)
    {
        switch (policy.PolicySpecifierCase)
        {
            case RouteAction.Types.HashPolicy.PolicySpecifierOneofCase.Header:
                string name = policy.Header.HeaderName.ToLowerInvariant();
                return new Policy(Kind.Header, name == "host" ? ":authority" : name, policy.Terminal)
                {
                    Rewrite = RegexRewrite.Compile(policy.Header.RegexRewrite, $"{field}.header.regex_rewrite"),
                };
            case RouteAction.Types.HashPolicy.PolicySpecifierOneofCase.Cookie:
                return CompileCookie(policy.Cookie, policy.Terminal);
            case RouteAction.Types.HashPolicy.PolicySpecifierOneofCase.ConnectionProperties:
                // Of a connection's properties there is one to hash; without it the entry is as if it were not there, as in Envoy.
                bool hashes = policy.ConnectionProperties.SourceIp;
                return new Policy(hashes ? Kind.SourceIp : Kind.Nothing, "", hashes && policy.Terminal);
            case RouteAction.Types.HashPolicy.PolicySpecifierOneofCase.QueryParameter:
                return new Policy(Kind.Query, policy.QueryParameter.Name, policy.Terminal);
            case RouteAction.Types.HashPolicy.PolicySpecifierOneofCase.FilterState:
                return new Policy(Kind.FilterState, policy.FilterState.Key, policy.Terminal);
            default:
                throw new ConfigRejectedException(field, "the hash policy has no kind");
        }
    }

    private static Policy CompileCookie(RouteAction.Types.HashPolicy.Types.Cookie cookie, bool terminal)
    {
        var suffix = new StringBuilder();
        if (cookie.Path.Length > 0)
        {
            suffix.Append("; Path=").Append(cookie.Path);
        }

        foreach (RouteAction.Types.HashPolicy.Types.CookieAttribute attribute in cookie.Attributes)
        {
            suffix.Append("; ").Append(attribute.Name);
            if (attribute.Value.Length > 0)
            {
                suffix.Append('=').Append(attribute.Value);
            }
        }

        return new Policy(Kind.Cookie, cookie.Name, terminal)
        {
            CookieMaxAgeSeconds = cookie.Ttl is null ? -1 : (Durations.Milliseconds(cookie.Ttl) ?? 0) / 1000,
            CookieSuffix = suffix.ToString(),
        };
    }

    private sealed class Policy(Kind kind, string text, bool terminal)
    {
        public Kind Kind { get; } = kind;

        public string Text { get; } = text;

        public byte[] Name { get; } = Encoding.UTF8.GetBytes(text);

        public bool Terminal { get; } = terminal;

        public RegexRewrite? Rewrite { get; init; }

        /// <summary>-1: the proxy makes no cookie of its own.</summary>
        public long CookieMaxAgeSeconds { get; init; } = -1;

        public string CookieSuffix { get; init; } = "";

        public ReadOnlySpan<byte> Rewritten(ReadOnlySpan<byte> value) => Rewrite is null ? value : Rewrite.Apply(value);
    }
}
