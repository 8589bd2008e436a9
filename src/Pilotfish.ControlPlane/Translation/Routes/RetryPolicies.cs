using Envoy.Config.Route.V3;
using Envoy.Extensions.Retry.Host.PreviousHosts.V3;
using Envoy.Extensions.Retry.Priority.PreviousPriorities.V3;
using Google.Protobuf.WellKnownTypes;
using Istio.Networking.V1Alpha3;
using Pilotfish.ControlPlane.Translation.Shared;
using Pilotfish.Language.Numbers;

namespace Pilotfish.ControlPlane.Translation.Routes;

/// <summary>Retry policies of routes: Istio's defaults and what a VirtualService or the mesh makes of them.</summary>
internal static class RetryPolicies
{
    private const string OutboundRetryOn = "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes";
    private const string InboundRetryOn = "reset-before-request";
    private const string RetriableStatusCodes = "retriable-status-codes";
    private const uint DefaultRetries = 2;

    // How often the balancer may draw a host that was already tried before it is taken anyway.
    private const long HostSelectionAttempts = 5;
    private const int PriorityUpdateFrequency = 2;

    private static readonly Any s_previousHosts = Messages.Pack(new PreviousHostsPredicate());

    private static readonly Any s_previousPriorities =
        Messages.Pack(new PreviousPrioritiesConfig { UpdateFrequency = PriorityUpdateFrequency });

    /// <summary>Null switches retries off.</summary>
    public static RetryPolicy? Outbound(HTTPRetry? given, bool consistentHash)
    {
        // With a hash policy the host follows from the request: avoiding it would break the affinity.
        var policy = new RetryPolicy
        {
            NumRetries = DefaultRetries,
            RetryOn = OutboundRetryOn,
            HostSelectionRetryMaxAttempts = HostSelectionAttempts,
        };
        if (!consistentHash)
        {
            policy.RetryHostPredicate.Add(PreviousHosts());
        }

        if (given is null)
        {
            return policy;
        }

        if (given.Attempts <= 0)
        {
            return null;
        }

        policy.NumRetries = (uint)given.Attempts;
        ApplyConditions(policy, given);
        policy.PerTryTimeout = given.PerTryTimeout;
        if (given.RetryIgnorePreviousHosts is { } ignore)
        {
            policy.RetryHostPredicate.Clear();
            if (ignore)
            {
                policy.RetryHostPredicate.Add(PreviousHosts());
            }
        }

        if (given.RetryRemoteLocalities == true)
        {
            policy.RetryPriority = new RetryPolicy.Types.RetryPriority
            {
                Name = ExtensionNames.PreviousPriorities,
                TypedConfig = s_previousPriorities,
            };
        }

        return policy;
    }

    /// <summary>Inbound only what cannot have reached the application is retried.</summary>
    public static RetryPolicy Inbound() => new() { NumRetries = DefaultRetries, RetryOn = InboundRetryOn };

    private static RetryPolicy.Types.RetryHostPredicate PreviousHosts() =>
        new() { Name = ExtensionNames.PreviousHosts, TypedConfig = s_previousHosts };

    // Numbers in retryOn are status codes; they need the condition that reads them.
    private static void ApplyConditions(RetryPolicy policy, HTTPRetry given)
    {
        if (given.RetryOn.Length > 0)
        {
            var conditions = new List<string>();
            foreach (var part in given.RetryOn.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
            {
                if (DecimalText.TryParse(part, out uint code) && code is >= 100 and < 600)
                {
                    policy.RetriableStatusCodes.Add(code);
                }
                else
                {
                    conditions.Add(part);
                }
            }

            if (policy.RetriableStatusCodes.Count > 0 && !conditions.Contains(RetriableStatusCodes))
            {
                conditions.Add(RetriableStatusCodes);
            }

            policy.RetryOn = string.Join(',', conditions);
        }

        if (given.Backoff is { } backoff)
        {
            policy.RetryBackOff = new RetryPolicy.Types.RetryBackOff { BaseInterval = backoff };
        }
    }
}
