using Pilotfish.ControlPlane.Validation;

namespace Pilotfish.ControlPlane.Tests.Validation;

public sealed class ConfigValidatorTests
{
    private const string Route = "http: [{route: [{destination: {host: a}}]}]";

    [Theory]
    [InlineData("{accessLogging: [{providers: [{name: envoy}], filter: {expression: 'response.code >= 400'}, match: {mode: SERVER}}]}", "")]
    [InlineData("{selector: {matchLabels: {app: a}}, accessLogging: [{disabled: true}]}", "")]
    [InlineData("{accessLogging: [{filter: {expression: 'response.code >='}}]}", "spec.accessLogging[0].filter.expression: 'response.code >='")]
    [InlineData("{accessLogging: [{filter: {expression: 'response.kode > 1'}}]}", "column 10")]
    [InlineData("{accessLogging: [{providers: [{}]}]}", "spec.accessLogging[0].providers[0].name: a name is needed")]
    [InlineData("{selector: {matchLabels: {app: a}}, targetRefs: [{kind: Gateway, name: g}]}", "only one of selector")]
    [InlineData("{accessLogging: [{match: {mode: SIDEWAYS}}]}", "SIDEWAYS")]
    public void Check_OfATelemetry_NamesTheField(string spec, string problem)
    {
        var found = string.Join('|', Check("Telemetry", spec));
        Assert.True(problem.Length == 0 ? found.Length == 0 : found.Contains(problem, StringComparison.Ordinal), found);
    }

    [Theory]
    [InlineData("{hosts: [a], " + Route + "}")]
    [InlineData("{hosts: ['*.example.com', 10.0.0.1], gateways: [g], " + Route + "}")]
    [InlineData("{hosts: ['*'], gateways: [g], " + Route + "}")]
    [InlineData("{hosts: [a], http: [{match: [{uri: {prefix: /}, headers: {x: {}}}], redirect: {uri: /b, redirectCode: 308}}]}")]
    [InlineData("{hosts: [a], http: [{timeout: 0.5s, retries: {attempts: 3, perTryTimeout: 2s}, route: [{destination: {host: a}, weight: 90}, {destination: {host: b}, weight: 10}]}]}")]
    [InlineData("{hosts: [a.com], tls: [{match: [{sniHosts: [a.com], port: 443}], route: [{destination: {host: a}}]}]}")]
    [InlineData("{hosts: [a], tcp: [{match: [{port: 27017}], route: [{destination: {host: a}}]}]}")]
    public void Check_OfAGoodVirtualService_FindsNothing(string spec)
    {
        Assert.Empty(Check("VirtualService", spec));
    }

    [Theory]
    [InlineData("{hosts: [], gateways: [g], " + Route + "}", "spec.hosts: ")]
    [InlineData("{hosts: ['a b'], " + Route + "}", "spec.hosts[0]: 'a b'")]
    [InlineData("{hosts: ['*'], " + Route + "}", "spec.hosts[0]: the host '*'")]
    [InlineData("{hosts: [a, a], " + Route + "}", "spec.hosts[1]: the host 'a' is named twice")]
    [InlineData("{hosts: [a]}", "spec: one of http, tcp or tls")]
    [InlineData("{hosts: [a], http: [{}]}", "spec.http[0]: one of route")]
    [InlineData("{hosts: [a], http: [{route: [{destination: {host: a}}], redirect: {uri: /}}]}", "spec.http[0].redirect: it cannot stand beside 'route'")]
    [InlineData("{hosts: [a], http: [{route: [{destination: {}}]}]}", "spec.http[0].route[0].destination.host: a host is needed")]
    [InlineData("{hosts: [a], http: [{route: [{destination: {host: a}, weight: -1}]}]}", "spec.http[0].route[0].weight: -1")]
    [InlineData("{hosts: [a], http: [{route: [{destination: {host: a}}, {destination: {host: b}}]}]}", "spec.http[0].route: the weights")]
    [InlineData("{hosts: [a], http: [{timeout: 0s, route: [{destination: {host: a}}]}]}", "spec.http[0].timeout")]
    [InlineData("{hosts: [a], http: [{match: [{uri: {}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].uri: one of exact")]
    [InlineData("{hosts: [a], http: [{match: [{uri: {regex: '['}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].uri.regex")]
    [InlineData("{hosts: [a], http: [{fault: {abort: {httpStatus: 999, percentage: {value: 101}}}, route: [{destination: {host: a}}]}]}", "spec.http[0].fault.abort.percentage.value")]
    [InlineData("{hosts: [a], http: [{redirect: {redirectCode: 200}}]}", "spec.http[0].redirect.redirectCode")]
    [InlineData("{hosts: [a.com], tls: [{match: [{sniHosts: [b.com]}], route: [{destination: {host: a}}]}]}", "spec.tls[0].match[0].sniHosts: 'b.com'")]
    [InlineData("{hosts: [a], tcp: [{}]}", "spec.tcp[0].route")]
    [InlineData("{hosts: [a], httpp: []}", "httpp")]
    [InlineData("{hosts: 7}", "hosts")]
    public void Check_OfAWrongVirtualService_NamesThePath(string spec, string expected)
    {
        Assert.Contains(Check("VirtualService", spec), sentence => sentence.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{host: a, subsets: [{name: v1, labels: {version: v1}}], trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}")]
    [InlineData("{host: '*.local', trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, portLevelSettings: [{port: {number: 80}}]}}")]
    public void Check_OfAGoodDestinationRule_FindsNothing(string spec)
    {
        Assert.Empty(Check("DestinationRule", spec));
    }

    [Theory]
    [InlineData("{}", "spec.host: a host is needed")]
    [InlineData("{host: a, subsets: [{name: v1}, {name: v1}]}", "spec.subsets[1].name: the subset 'v1' is defined twice")]
    [InlineData("{host: a, subsets: [{name: '!'}]}", "spec.subsets[0].name")]
    [InlineData("{host: a, trafficPolicy: {tls: {mode: MUTUAL}}}", "spec.trafficPolicy.tls.clientCertificate")]
    [InlineData("{host: a, trafficPolicy: {outlierDetection: {maxEjectionPercent: 101}}}", "spec.trafficPolicy.outlierDetection.maxEjectionPercent")]
    [InlineData("{host: a, trafficPolicy: {connectionPool: {tcp: {connectTimeout: 10us}}}}", "spec.trafficPolicy.connectionPool.tcp.connectTimeout")]
    [InlineData("{host: a, trafficPolicy: {portLevelSettings: [{}]}}", "spec.trafficPolicy.portLevelSettings[0].port")]
    [InlineData("{host: a, trafficPolicy: {loadBalancer: {consistentHash: {httpCookie: {ttl: 0s}}}}}", "httpCookie.name")]
    public void Check_OfAWrongDestinationRule_NamesThePath(string spec, string expected)
    {
        Assert.Contains(Check("DestinationRule", spec), sentence => sentence.Contains(expected, StringComparison.Ordinal));
    }

    [Fact]
    public void Check_OfAKindThatIsNotRead_FindsNothing()
    {
        Assert.Empty(ConfigValidator.Check(Injection.Yaml.Map("{apiVersion: example.com/v1, kind: Thing, spec: 3}")));
    }

    private static IReadOnlyList<string> Check(string kind, string spec) => ConfigValidator.Check(
        Injection.Yaml.Map($"{{apiVersion: {(kind == "Telemetry" ? "telemetry" : "networking")}.istio.io/v1, kind: {kind}, metadata: {{name: n}}, spec: {spec}}}"));
}
