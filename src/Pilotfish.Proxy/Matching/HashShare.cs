using System.IO.Hashing;
using Envoy.Extensions.Matching.InputMatchers.ConsistentHashing.V3;
using Pilotfish.Proxy.Config;

namespace Pilotfish.Proxy.Matching;

/// <summary>
/// The input matcher <c>envoy.extensions.matching.input_matchers.consistent_hashing.v3.ConsistentHashing</c>: a share of the values, always the
/// same ones. Immutable, any worker.
/// </summary>
internal sealed class HashShare
{
    public const string MessageName = "envoy.extensions.matching.input_matchers.consistent_hashing.v3.ConsistentHashing";

    private readonly ConsistentHashing _config;

    private HashShare(ConsistentHashing config) => _config = config;

    public static HashShare Compile(ExtensionConfig config)
    {
        ConsistentHashing share = config.Parse(ConsistentHashing.Parser);
        if (share.Modulo == 0)
        {
            throw new ConfigRejectedException($"{config.Field}.modulo", "it must be at least 1");
        }

        return share.Threshold <= share.Modulo
            ? new HashShare(share)
            : throw new ConfigRejectedException($"{config.Field}.threshold", $"{share.Threshold} is above the modulo of {share.Modulo}");
    }

    public bool Holds(ReadOnlySpan<byte> value) => XxHash64.HashToUInt64(value, (long)_config.Seed) % _config.Modulo >= _config.Threshold;
}
