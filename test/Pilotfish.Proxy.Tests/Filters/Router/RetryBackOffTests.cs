using Envoy.Config.Route.V3;
using Google.Protobuf.WellKnownTypes;
using Pilotfish.Proxy.Clusters;
using Pilotfish.Proxy.Config;
using Pilotfish.Proxy.Filters.Router;
using Pilotfish.Proxy.Http;
using Pilotfish.Proxy.Routing;
using Pilotfish.Proxy.Tests.AccessLogs;
using Xunit;

namespace Pilotfish.Proxy.Tests.Filters.Router;

/// <summary>How long a retry waits: at random below (2^n - 1) times the base, never longer than the maximum.</summary>
public sealed class RetryBackOffTests
{
    /// <summary>The bounds of the first five retries, each the longest wait plus one.</summary>
    [Theory]
    [InlineData("Envoy's defaults", null, null, new long[] { 25, 75, 175, 251, 251 })]
    [InlineData("a base alone", 100, null, new long[] { 100, 300, 700, 1001, 1001 })]
    [InlineData("base and maximum", 100, 250, new long[] { 100, 251, 251, 251, 251 })]
    [InlineData("the maximum is the base", 40, 40, new long[] { 40, 41, 41, 41, 41 })]
    public void BackOff_StaysBelowItsBound(string label, int? baseMilliseconds, int? maxMilliseconds, long[] bounds)
    {
        var policy = new RetryPolicy { RetryOn = "5xx", NumRetries = 10 };
        if (baseMilliseconds is { } least)
        {
            policy.RetryBackOff = new RetryPolicy.Types.RetryBackOff { BaseInterval = Milliseconds(least) };
            policy.RetryBackOff.MaxInterval = maxMilliseconds is { } most ? Milliseconds(most) : null;
        }

        var state = new RetryState();
        state.Begin(RetryPolicyModel.Compile(policy, "retry_policy"), StreamSample.Headers(), RetryRuntime.None);
        var breaker = new CircuitBreaker(new CircuitBreakerConfig());
        foreach (long bound in bounds)
        {
            Assert.Equal(RetryPermit.Granted, state.TryTake(breaker, isCounted: true, random: 0));
            long longest = 0;
            for (ulong random = 0; random < 3000; random++)
            {
                longest = Math.Max(longest, state.BackOffMilliseconds(random));
            }

            Assert.True(longest == bound - 1, $"{label}: {longest} of {bound - 1}");
            Assert.Equal(0, state.BackOffMilliseconds(0));
        }
    }

    [Theory]
    [InlineData("base_interval", 0, 10)]
    [InlineData("max_interval", 10, 5)]
    public void Interval_ThatCannotBe_IsRefusedByField(string field, int baseMilliseconds, int maxMilliseconds) => Assert.Equal(
        $"retry_policy.retry_back_off.{field}",
        Assert.Throws<ConfigRejectedException>(() => RetryPolicyModel.Compile(
            new RetryPolicy
            {
                RetryBackOff = new RetryPolicy.Types.RetryBackOff { BaseInterval = Milliseconds(baseMilliseconds), MaxInterval = Milliseconds(maxMilliseconds) },
            },
            "retry_policy")).Field);

    private static Duration Milliseconds(int milliseconds) => Duration.FromTimeSpan(TimeSpan.FromMilliseconds(milliseconds));
}
