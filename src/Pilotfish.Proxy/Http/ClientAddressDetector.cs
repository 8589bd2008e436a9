using System.Net;
using Envoy.Config.Core.V3;
using Envoy.Extensions.Http.OriginalIpDetection.CustomHeader.V3;
using Envoy.Extensions.Http.OriginalIpDetection.Xff.V3;
using Google.Protobuf.Collections;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Http1;
using Pilotfish.Runtime.Sockets;

namespace Pilotfish.Proxy.Http;

/// <summary>
/// One of original_ip_detection_extensions: tells the client's address from a header of its own, or from X-Forwarded-For past hops that are trusted
/// by number or by address. Immutable.
/// </summary>
public sealed class ClientAddressDetector
{
    private const string CustomHeader = "envoy.extensions.http.original_ip_detection.custom_header.v3.CustomHeaderConfig";
    private const string Xff = "envoy.extensions.http.original_ip_detection.xff.v3.XffConfig";
    private const int StatusMax = 599;

    // Envoy's bound: the ranges are searched one by one for every entry of the header.
    private const int TrustedRangesMax = 20;

    private ClientAddressDetector()
    {
    }

    /// <summary>The header that holds the address; null for X-Forwarded-For.</summary>
    public byte[]? Header { get; private init; }

    public uint TrustedHops { get; private init; }

    /// <summary>Proxies whose entries are passed over; null where hops are counted.</summary>
    public AddressRanges? TrustedProxies { get; private init; }

    /// <summary>Whether an address from the header may make a request internal.</summary>
    public bool IsTrusted { get; private init; }

    /// <summary>Whether X-Forwarded-For stays as it came once the address is told.</summary>
    public bool SkipsAppend { get; private init; }

    /// <summary>The answer to a request whose address this cannot tell; null to ask the next, and at last to take the peer's.</summary>
    public int? RejectStatus { get; private init; }

    internal static ClientAddressDetector[] Compile(RepeatedField<TypedExtensionConfig> extensions, bool usesRemoteAddress, uint trustedHops)
    {
        const string Field = "original_ip_detection_extensions";
        if (extensions.Count > 0 && (usesRemoteAddress || trustedHops > 0))
        {
            throw new ConfigRejectedException(Field, "they cannot stand beside use_remote_address and xff_num_trusted_hops");
        }

        var compiled = new ClientAddressDetector[extensions.Count];
        for (int i = 0; i < compiled.Length; i++)
        {
            ExtensionConfig config = ExtensionRegistry.Unwrap(extensions[i].TypedConfig, $"{Field}[{i}].typed_config");
            compiled[i] = config.MessageName switch
            {
                CustomHeader => OfHeader(config.Parse(CustomHeaderConfig.Parser), config.Field),
                Xff => OfForwardedFor(config.Parse(XffConfig.Parser), config.Field),
                _ => throw new ConfigRejectedException(config.Field,
                    $"extension '{extensions[i].Name}' of type '{config.MessageName}' does not exist in Pilotfish"),
            };
        }

        return compiled;
    }

    private static ClientAddressDetector OfHeader(CustomHeaderConfig config, string field)
    {
        byte[] name = System.Text.Encoding.ASCII.GetBytes(config.HeaderName.ToLowerInvariant());
        if (name.Length == 0 || name.AsSpan().ContainsAnyExcept(HttpCharacters.Token))
        {
            throw new ConfigRejectedException($"{field}.header_name", $"'{config.HeaderName}' is no name of a header");
        }

        return new ClientAddressDetector
        {
            Header = name,
            IsTrusted = config.AllowExtensionToSetAddressAsTrusted,
            RejectStatus = config.RejectWithStatus is { } status ? ErrorStatus((int)status.Code) : null,
        };
    }

    private static ClientAddressDetector OfForwardedFor(XffConfig config, string field)
    {
        if (config.XffNumTrustedHops > 0 && config.XffTrustedCidrs is not null)
        {
            throw new ConfigRejectedException(field, "xff_num_trusted_hops and xff_trusted_cidrs cannot stand beside each other");
        }

        if (config.XffTrustedCidrs?.Cidrs.Count > TrustedRangesMax)
        {
            throw new ConfigRejectedException($"{field}.xff_trusted_cidrs.cidrs",
                $"{config.XffTrustedCidrs.Cidrs.Count} ranges are more than {TrustedRangesMax}, which every request would be compared with");
        }

        return new ClientAddressDetector
        {
            TrustedHops = config.XffNumTrustedHops,
            TrustedProxies = config.XffTrustedCidrs is { } trusted
                ? AddressRanges.Compile(trusted.Cidrs, $"{field}.xff_trusted_cidrs.cidrs")
                : null,
            SkipsAppend = config.SkipXffAppend ?? true,
        };
    }

    // A status that is no error would tell the client that it was served.
    private static int ErrorStatus(int code) => code is >= (int)HttpStatusCode.BadRequest and <= StatusMax ? code : (int)HttpStatusCode.Forbidden;
}
