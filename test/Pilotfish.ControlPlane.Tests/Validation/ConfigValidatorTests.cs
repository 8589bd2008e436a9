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
    [InlineData("{accessLogging: [{filter: {}}]}", "spec.accessLogging[0].filter.expression: '' cannot be used")]
    [InlineData("{accessLogging: [{filter: {expression: response.code}}]}", "the condition gives int; it must give bool")]
    [InlineData("{accessLogging: [{}, {providers: [{name: ''}]}]}", "spec.accessLogging[1].providers[0].name: a name is needed")]
    [InlineData("{targetRef: {kind: Gateway, group: gateway.networking.k8s.io, name: g}, accessLogging: [{disabled: true}]}", "")]
    [InlineData("{targetRefs: [{kind: Service, name: s}, {kind: Service, group: core, name: t}, {kind: ServiceEntry, group: networking.istio.io, name: e}, {kind: GatewayClass, group: gateway.networking.k8s.io, name: istio-waypoint}]}", "")]
    [InlineData("{targetRef: {kind: Gateway, name: g}}", "spec.targetRef.kind: '/Gateway' is none of Service")]
    [InlineData("{targetRefs: [{kind: Service}]}", "spec.targetRefs[0].name: a name is needed")]
    [InlineData("{targetRefs: [{kind: Service, name: s, namespace: other}]}", "spec.targetRefs[0].namespace: it must not be set")]
    [InlineData("{selector: {matchLabels: {app: 'a*'}}}", "spec.selector.matchLabels[app]: 'app=a*' holds a '*'")]
    [InlineData("{selector: {matchLabels: {}}, accessLogging: [{disabled: false}]}", "")]
    [InlineData("{metrics: [{providers: [{name: prometheus}], overrides: [{tagOverrides: {a: {value: b}, c: {operation: REMOVE}}}]}]}", "")]
    [InlineData("{metrics: [{overrides: [{tagOverrides: {a: {operation: UPSERT}}}]}]}", "spec.metrics[0].overrides[0].tagOverrides[a].value: a value is needed")]
    [InlineData("{metrics: [{overrides: [{tagOverrides: {a: {operation: REMOVE, value: x}}}]}]}", "a tag that is removed has no value")]
    [InlineData("{metrics: [{overrides: [{match: {customMetric: ''}}]}]}", "spec.metrics[0].overrides[0].match.customMetric: a name is needed")]
    [InlineData("{metrics: [{providers: [{}]}]}", "spec.metrics[0].providers[0].name: a name is needed")]
    [InlineData("{tracing: [{randomSamplingPercentage: 100.5}]}", "spec.tracing[0].randomSamplingPercentage: 100.5 is not between 0 and 100")]
    [InlineData("{tracing: [{customTags: {a: {literal: {value: ''}}}}]}", "spec.tracing[0].customTags[a].literal.value: a value is needed")]
    [InlineData("{tracing: [{customTags: {a: {header: {}}}}]}", "spec.tracing[0].customTags[a].header.name: a name is needed")]
    [InlineData("{tracing: [{customTags: {a: {environment: {name: X}}}, randomSamplingPercentage: 0}]}", "")]
    public void Check_OfATelemetry_NamesTheField(string spec, string problem)
    {
        var found = string.Join('|', Check("Telemetry", spec));
        Assert.True(problem.Length == 0 ? found.Length == 0 : found.Contains(problem, StringComparison.Ordinal), found);
    }

    [Theory]
    [InlineData("{hosts: [a], " + Route + "}")]
    [InlineData("{hosts: ['*.example.com', 10.0.0.1], gateways: [g], " + Route + "}")]
    [InlineData("{hosts: ['*'], gateways: [g], " + Route + "}")]
    [InlineData("{hosts: [a], gateways: [g], http: [{match: [{headers: {'@request.auth.claims.a': {exact: b}, ':path': {exact: /}, 'x-y.z~': {}}, queryParams: {'a b': {exact: c}}}], route: [{destination: {host: a}}]}]}")]
    [InlineData("{hosts: [a], http: [{match: [{uri: {prefix: /}, headers: {x: {}}}], redirect: {uri: /b, redirectCode: 308}}]}")]
    [InlineData("{hosts: [a], http: [{timeout: 0.5s, retries: {attempts: 3, perTryTimeout: 2s}, route: [{destination: {host: a}, weight: 90}, {destination: {host: b}, weight: 10}]}]}")]
    [InlineData("{hosts: [a.com], tls: [{match: [{sniHosts: [a.com], port: 443}], route: [{destination: {host: a}}]}]}")]
    [InlineData("{hosts: [a], http: [{match: [{uri: {prefix: ''}, gateways: [mesh, ns/g]}], headers: {request: {set: {':authority': b, x: '%HOSTNAME% 100%%'}, remove: [y]}}, route: [{destination: {host: a}, headers: {response: {add: {z: '1'}}}}]}]}")]
    [InlineData("{hosts: [a], exportTo: ['*'], http: [{retries: {attempts: 2, retryOn: 'connect-failure,503'}, mirrors: [{destination: {host: b}, percentage: {value: 5}}], corsPolicy: {allowOrigins: [{exact: 'https://x'}], allowMethods: [GET], maxAge: 24h}, route: [{destination: {host: a}}]}]}")]
    [InlineData("{hosts: [a], http: [{rewrite: {uriRegexRewrite: {match: '^/a(.*)', rewrite: '\\1'}}, fault: {abort: {grpcStatus: UNAVAILABLE, percentage: {value: 100}}}, route: [{destination: {host: a}}]}]}")]
    [InlineData("{hosts: [a], tcp: [{match: [{port: 27017, destinationSubnets: [10.0.0.0/8, '10.1.2.3', 'fd00::/8']}], route: [{destination: {host: a}}]}]}")]
    [InlineData("{hosts: [a], tcp: [{match: [{port: 27017}], route: [{destination: {host: a}}]}]}")]
    public void Check_OfAGoodVirtualService_FindsNothing(string spec)
    {
        Assert.Empty(Check("VirtualService", spec));
    }

    [Theory]
    [InlineData("{hosts: [a], http: [{match: [{headers: {'@request.auth.claims.a': {exact: b}}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].headers[@request.auth.claims.a]: a token's claim")]
    [InlineData("{hosts: [a], gateways: [mesh, g], http: [{match: [{withoutHeaders: {'@request.auth.claims[a][b]': {exact: b}}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].withoutHeaders[@request.auth.claims[a][b]]: a token's claim")]
    [InlineData("{hosts: [a], http: [{match: [{headers: {'@request.auth': {exact: b}}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].headers: '@request.auth' is no name of a header")]
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
    [InlineData("{hosts: [a], http: [{timeout: -1s, route: [{destination: {host: a}}]}]}", "spec.http[0].timeout: the duration '-1s'")]
    [InlineData("{hosts: [a], http: [{timeout: '5', route: [{destination: {host: a}}]}]}", "spec.http[0].timeout: A duration")]
    [InlineData("{hosts: [a], http: [{retries: {attempts: 1, retryOn: bogus}, route: [{destination: {host: a}}]}]}", "spec.http[0].retries.retryOn: 'bogus'")]
    [InlineData("{hosts: [a], http: [{retries: {retryOn: 5xx}, route: [{destination: {host: a}}]}]}", "spec.http[0].retries.retryOn: it means nothing")]
    [InlineData("{hosts: [a], http: [{fault: {abort: {grpcStatus: NOPE}}, route: [{destination: {host: a}}]}]}", "spec.http[0].fault.abort.grpcStatus: 'NOPE'")]
    [InlineData("{hosts: [a], http: [{fault: {abort: {httpStatus: 500, grpcStatus: ABORTED}}, route: [{destination: {host: a}}]}]}", "spec.http[0].fault.abort.grpcStatus: ")]
    [InlineData("{hosts: [a], http: [{fault: {delay: {exponentialDelay: 1s}}, route: [{destination: {host: a}}]}]}", "spec.http[0].fault.delay.exponentialDelay")]
    [InlineData("{hosts: [a], http: [{headers: {request: {set: {':path': x}}}, route: [{destination: {host: a}}]}]}", "spec.http[0].headers.request.set[:path]")]
    [InlineData("{hosts: [a], http: [{headers: {request: {remove: [host]}}, route: [{destination: {host: a}}]}]}", "spec.http[0].headers.request.remove[0]: the header 'host'")]
    [InlineData("{hosts: [a], http: [{headers: {response: {add: {x: '100%'}}}, route: [{destination: {host: a}}]}]}", "spec.http[0].headers.response.add[x]: '100%'")]
    [InlineData("{hosts: [a], http: [{headers: {request: {set: {'': x}}}, route: [{destination: {host: a}}]}]}", "a header's name is empty")]
    [InlineData("{hosts: [a], http: [{rewrite: {authority: b}, headers: {request: {set: {Host: c}}}, route: [{destination: {host: a}}]}]}", "spec.http[0].headers.request: the authority")]
    [InlineData("{hosts: [a], http: [{rewrite: {}, route: [{destination: {host: a}}]}]}", "spec.http[0].rewrite: one of uri")]
    [InlineData("{hosts: [a], http: [{rewrite: {uriRegexRewrite: {match: '['}}, route: [{destination: {host: a}}]}]}", "spec.http[0].rewrite.uriRegexRewrite.match: '['")]
    [InlineData("{hosts: [a], http: [{mirror: {host: b}, mirrorPercentage: {value: 200}, route: [{destination: {host: a}}]}]}", "spec.http[0].mirrorPercentage.value: 200")]
    [InlineData("{hosts: [a], http: [{mirror: {host: b}, mirrors: [{destination: {host: c}}], route: [{destination: {host: a}}]}]}", "spec.http[0].mirrors: it cannot stand beside 'mirror'")]
    [InlineData("{hosts: [a], http: [{mirrors: [{}], route: [{destination: {host: a}}]}]}", "spec.http[0].mirrors[0].destination.host")]
    [InlineData("{hosts: [a], http: [{corsPolicy: {allowMethods: [FOO]}, route: [{destination: {host: a}}]}]}", "spec.http[0].corsPolicy.allowMethods[0]: 'FOO'")]
    [InlineData("{hosts: [a], http: [{corsPolicy: {allowOrigins: [{exact: ''}]}, route: [{destination: {host: a}}]}]}", "spec.http[0].corsPolicy.allowOrigins[0]")]
    [InlineData("{hosts: [a], http: [{redirect: {}}]}", "spec.http[0].redirect: one of uri")]
    [InlineData("{hosts: [a], http: [{redirect: {uri: /x, scheme: ftp}}]}", "spec.http[0].redirect.scheme: 'ftp'")]
    [InlineData("{hosts: [a], http: [{redirect: {uri: /x}, fault: {abort: {httpStatus: 500}}}]}", "spec.http[0].fault: it cannot stand beside 'redirect'")]
    [InlineData("{hosts: [a], gateways: [a/b/c], http: [{route: [{destination: {host: a}}]}]}", "spec.gateways[0]: 'a/b/c'")]
    [InlineData("{hosts: [a], exportTo: [No_Good], http: [{route: [{destination: {host: a}}]}]}", "spec.exportTo[0]: 'No_Good'")]
    [InlineData("{hosts: [a], exportTo: ['*', b], http: [{route: [{destination: {host: a}}]}]}", "spec.exportTo[0]: '*' is everybody")]
    [InlineData("{hosts: [a], tcp: [{match: [{destinationSubnets: [x]}], route: [{destination: {host: a}}]}]}", "spec.tcp[0].match[0].destinationSubnets[0]: 'x'")]
    [InlineData("{hosts: [a], http: [{route: [{destination: {host: a, subset: A_B}}]}]}", "spec.http[0].route[0].destination.subset: 'A_B'")]
    [InlineData("{hosts: [a], http: [{match: [{sourceLabels: {'a b': c}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].sourceLabels[a b]")]
    [InlineData("{hosts: [a], http: [{match: [{authority: {prefix: ''}}], route: [{destination: {host: a}}]}]}", "spec.http[0].match[0].authority.prefix: it is empty")]
    [InlineData("{hosts: [a], httpp: []}", "httpp")]
    [InlineData("{hosts: 7}", "hosts")]
    public void Check_OfAWrongVirtualService_NamesThePath(string spec, string expected)
    {
        Assert.Contains(Check("VirtualService", spec), sentence => sentence.Contains(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("{host: a, subsets: [{name: v1, labels: {version: v1}}], trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}}")]
    [InlineData("{host: '*.local', trafficPolicy: {tls: {mode: ISTIO_MUTUAL}, portLevelSettings: [{port: {number: 80}, tls: {mode: SIMPLE}}]}}")]
    [InlineData("{host: a, exportTo: ['.', other], workloadSelector: {matchLabels: {app: a}}, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 65537}}}}}")]
    [InlineData("{host: a, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: 'r/*', to: {'r/z/*': 80, 'q/*': 20}}]}}, outlierDetection: {splitExternalLocalOriginErrors: true, consecutiveLocalOriginFailures: 5}}}")]
    [InlineData("{host: a, trafficPolicy: {tunnel: {protocol: CONNECT, targetHost: b.example, targetPort: 443}, tls: {mode: SIMPLE, credentialName: c}}}")]
    public void Check_OfAGoodDestinationRule_FindsNothing(string spec)
    {
        Assert.Empty(Check("DestinationRule", spec));
    }

    [Theory]
    [InlineData("{}", "spec.host: a host is needed")]
    [InlineData("{host: a, trafficPolicy: {}}", "spec.trafficPolicy: one of loadBalancer")]
    [InlineData("{host: a, trafficPolicy: {connectionPool: {}}}", "spec.trafficPolicy.connectionPool: one of tcp, http")]
    [InlineData("{host: a, trafficPolicy: {connectionPool: {tcp: {tcpKeepalive: {time: x}}}}}", "spec.trafficPolicy.connectionPool.tcp.tcpKeepalive.time: A duration")]
    [InlineData("{host: a, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: X}}}}", "spec.trafficPolicy.connectionPool.http.h2UpgradePolicy: The field")]
    [InlineData("{host: a, trafficPolicy: {connectionPool: {http: {h2UpgradePolicy: UPGRADE, useClientProtocol: true}}}}", "spec.trafficPolicy.connectionPool.http.useClientProtocol")]
    [InlineData("{host: a, trafficPolicy: {outlierDetection: {consecutive5xxErrors: -1}}}", "spec.trafficPolicy.outlierDetection.consecutive5xxErrors: ")]
    [InlineData("{host: a, trafficPolicy: {outlierDetection: {consecutiveLocalOriginFailures: 5}}}", "spec.trafficPolicy.outlierDetection.consecutiveLocalOriginFailures: it needs")]
    [InlineData("{host: a, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 100}}], failover: [{from: a, to: b}]}}}}", "spec.trafficPolicy.loadBalancer.localityLbSetting.failover: it cannot")]
    [InlineData("{host: a, trafficPolicy: {loadBalancer: {localityLbSetting: {distribute: [{from: a, to: {b: 50}}]}}}}", "spec.trafficPolicy.loadBalancer.localityLbSetting.distribute[0].to")]
    [InlineData("{host: a, trafficPolicy: {loadBalancer: {localityLbSetting: {failover: [{from: a, to: a}]}}}}", "localityLbSetting.failover[0]: 'a' to 'a'")]
    [InlineData("{host: a, trafficPolicy: {loadBalancer: {consistentHash: {useSourceIp: true, maglev: {tableSize: 10}}}}}", "spec.trafficPolicy.loadBalancer.consistentHash.maglev.tableSize: 10 is no prime")]
    [InlineData("{host: a, trafficPolicy: {loadBalancer: {warmup: {}}}}", "spec.trafficPolicy.loadBalancer.warmup.duration")]
    [InlineData("{host: a, trafficPolicy: {tls: {mode: SIMPLE, credentialName: a, caCertificates: /x}}}", "spec.trafficPolicy.tls.caCertificates: it cannot stand beside 'credentialName'")]
    [InlineData("{host: a, trafficPolicy: {tls: {mode: SIMPLE, insecureSkipVerify: true, caCertificates: /x}}}", "spec.trafficPolicy.tls.caCertificates: it cannot")]
    [InlineData("{host: a, trafficPolicy: {portLevelSettings: [{port: {number: 80}}]}}", "spec.trafficPolicy.portLevelSettings[0]: one of loadBalancer")]
    [InlineData("{host: a, trafficPolicy: {tunnel: {protocol: X, targetHost: b, targetPort: 1}}}", "spec.trafficPolicy.tunnel.protocol: 'X'")]
    [InlineData("{host: a, trafficPolicy: {tunnel: {}}}", "spec.trafficPolicy.tunnel.targetHost")]
    [InlineData("{host: a, trafficPolicy: {tunnel: {targetHost: b, targetPort: 1}, proxyProtocol: {version: V1}}}", "spec.trafficPolicy.proxyProtocol: it cannot")]
    [InlineData("{host: a, exportTo: [b, b]}", "spec.exportTo[1]: 'b' is named twice")]
    [InlineData("{host: a, workloadSelector: {}}", "spec.workloadSelector: one of matchLabels")]
    [InlineData("{host: a, subsets: [{name: v, labels: {'a b': c}}]}", "spec.subsets[0].labels[a b]")]
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
