using Envoy.Config.Route.V3;
using Envoy.Extensions.Retry.Host.OmitHostMetadata.V3;
using Envoy.Extensions.Retry.Priority.PreviousPriorities.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.LoadBalancing;

namespace Pilotfish.Proxy.Routing;

/// <summary>A compiled retry policy.</summary>
public sealed class RetryPolicyModel
{
    /// <summary>Envoy's default back-off; the upper bound is ten times the base.</summary>
    public const long DefaultBaseMilliseconds = 25;

    private const string PreviousHosts = "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
    private const string OmitMetadata = "envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig";
    private const string OmitCanary = "envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate";
    private const string PreviousPrioritiesName = "envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig";

    public RetryOn On { get; private init; }

    public uint RetriesMax { get; private init; } = 1;

    public long PerTryTimeoutMilliseconds { get; private init; }

    public long PerTryIdleTimeoutMilliseconds { get; private init; }

    /// <summary>Whether hosts that failed this request before are avoided (previous_hosts).</summary>
    public bool AvoidsPreviousHosts { get; private init; }

    /// <summary>Whether retries leave out hosts whose metadata calls them canary.</summary>
    public bool OmitsCanaryHosts { get; private init; }

    /// <summary>Retries leave out hosts whose metadata has all of this (omit_host_metadata); null = none.</summary>
    public SubsetMatch? OmitsHosts { get; private init; }

    /// <summary>After each so many attempts the priorities tried so far are left out (previous_priorities); 0 never.</summary>
    public int PriorityUpdateFrequency { get; private init; }

    public RateLimitedBackOffModel? RateLimitedBackOff { get; private init; }

    /// <summary>Picks made to find a host that is not to be avoided.</summary>
    public int HostSelectionAttempts { get; private init; } = 1;

    public IReadOnlyList<uint> RetriableStatusCodes { get; private init; } = [];

    public HeaderMatch[] RetriableHeaders { get; private init; } = [];

    /// <summary>When not empty, only requests that match one of them are retried.</summary>
    public HeaderMatch[] RetriableRequestHeaders { get; private init; } = [];

    /// <summary>Whether retry_back_off is set; without it the runtime may change the base.</summary>
    public bool HasBackOff { get; private init; }

    public long BackOffBaseMilliseconds { get; private init; } = DefaultBaseMilliseconds;

    public long BackOffMaxMilliseconds { get; private init; } = DefaultBaseMilliseconds * 10;

    public static RetryPolicyModel? Compile(RetryPolicy? policy, string field)
    {
        if (policy is null)
        {
            return null;
        }

        bool avoids = false;
        bool omitsCanary = false;
        SubsetMatch? omits = null;
        for (int i = 0; i < policy.RetryHostPredicate.Count; i++)
        {
            RetryPolicy.Types.RetryHostPredicate predicate = policy.RetryHostPredicate[i];
            string at = $"{field}.retry_host_predicate[{i}]";
            switch (TypeOf(predicate, at))
            {
                case PreviousHosts or "envoy.retry_host_predicates.previous_hosts":
                    avoids = true;
                    break;
                case OmitCanary or "envoy.retry_host_predicates.omit_canary_hosts":
                    omitsCanary = true;
                    break;
                case OmitMetadata:
                    omits = CompileOmission(predicate.TypedConfig, at);
                    break;
                case var type:
                    throw new ConfigRejectedException(at, $"the retry host predicate '{type}' does not exist in Pilotfish");
            }
        }

        long backOffBase = Durations.Milliseconds(policy.RetryBackOff?.BaseInterval) ?? DefaultBaseMilliseconds;
        if (policy.RetryBackOff is not null && backOffBase < 1)
        {
            throw new ConfigRejectedException($"{field}.retry_back_off.base_interval", "it must be at least 1 ms");
        }

        long backOffMax = Durations.Milliseconds(policy.RetryBackOff?.MaxInterval) ?? backOffBase * 10;
        if (backOffMax < backOffBase)
        {
            throw new ConfigRejectedException($"{field}.retry_back_off.max_interval", "it must not be less than base_interval");
        }

        return new RetryPolicyModel
        {
            On = RetryOnText.Parse(policy.RetryOn),
            RetriesMax = policy.NumRetries ?? 1,
            PerTryTimeoutMilliseconds = Durations.Milliseconds(policy.PerTryTimeout) ?? 0,
            PerTryIdleTimeoutMilliseconds = Durations.Milliseconds(policy.PerTryIdleTimeout) ?? 0,
            AvoidsPreviousHosts = avoids,
            OmitsCanaryHosts = omitsCanary,
            OmitsHosts = omits,

            PriorityUpdateFrequency = PriorityFrequency(policy.RetryPriority, $"{field}.retry_priority"),
            RateLimitedBackOff = RateLimitedBackOffModel.Compile(policy.RateLimitedRetryBackOff, $"{field}.rate_limited_retry_back_off"),
            HostSelectionAttempts = (int)Math.Clamp(policy.HostSelectionRetryMaxAttempts, 1, 1000),
            RetriableStatusCodes = [.. policy.RetriableStatusCodes],
            RetriableHeaders = HeaderMatch.CompileAll(policy.RetriableHeaders, $"{field}.retriable_headers"),
            RetriableRequestHeaders = HeaderMatch.CompileAll(policy.RetriableRequestHeaders, $"{field}.retriable_request_headers"),
            HasBackOff = policy.RetryBackOff is not null,
            BackOffBaseMilliseconds = backOffBase,
            BackOffMaxMilliseconds = backOffMax,
        };
    }

    private static string TypeOf(RetryPolicy.Types.RetryHostPredicate predicate, string field) => predicate.TypedConfig is null
        ? predicate.Name
        : ExtensionRegistry.Unwrap(predicate.TypedConfig, field).MessageName;

    private static SubsetMatch? CompileOmission(Any typedConfig, string field) => SubsetMatch.From(
        ExtensionRegistry.Unwrap(typedConfig, field + ".typed_config").Parse(OmitHostMetadataConfig.Parser).MetadataMatch);

    private static int PriorityFrequency(RetryPolicy.Types.RetryPriority? priority, string field)
    {
        if (priority is null)
        {
            return 0;
        }

        // The name alone would not say how often.
        ExtensionConfig config = ExtensionRegistry.Unwrap(priority.TypedConfig ?? new Any(), $"{field}.typed_config");
        if (config.MessageName != PreviousPrioritiesName)
        {
            throw new ConfigRejectedException(field, $"the retry priority '{(config.MessageName.Length > 0 ? config.MessageName : priority.Name)}' does not exist in Pilotfish");
        }

        int frequency = config.Parse(PreviousPrioritiesConfig.Parser).UpdateFrequency;
        return frequency > 0 ? frequency : throw new ConfigRejectedException($"{field}.typed_config.update_frequency", "it must be greater than 0");
    }
}
