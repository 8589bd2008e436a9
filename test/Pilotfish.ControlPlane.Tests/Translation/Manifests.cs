namespace Pilotfish.ControlPlane.Tests.Translation;

/// <summary>Small meshes that tests translate.</summary>
internal static class Manifests
{
    public const string Bookinfo = """
        apiVersion: v1
        kind: Service
        metadata: {name: reviews, labels: {app: reviews}}
        spec:
          clusterIP: 10.96.0.10
          selector: {app: reviews}
          ports: [{name: http, port: 9080}]
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: ratings}
        spec:
          clusterIP: 10.96.0.11
          selector: {app: ratings}
          ports: [{name: http, port: 9080, targetPort: app}]
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: mysql}
        spec:
          clusterIP: 10.96.0.12
          selector: {app: mysql}
          ports: [{name: tcp, port: 6000}]
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: auto, namespace: other}
        spec:
          clusterIP: 10.96.0.13
          selector: {app: auto}
          ports: [{port: 7000}]
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: db}
        spec:
          clusterIP: None
          selector: {app: db}
          ports: [{name: tcp-db, port: 5432}]
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: reviews-v1-abc-1
          labels: {app: reviews, version: v1, pod-template-hash: abc}
          ownerReferences: [{kind: ReplicaSet, name: reviews-v1-abc, controller: true}]
        spec: {containers: [{name: c}]}
        status: {podIP: 10.0.0.1, conditions: [{type: Ready, status: "True"}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata:
          name: reviews-v2-def-1
          labels: {app: reviews, version: v2}
        spec: {containers: [{name: c}]}
        status: {podIP: 10.0.0.2, conditions: [{type: Ready, status: "True"}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: ratings-1, labels: {app: ratings, version: v1}}
        spec: {containers: [{name: c, ports: [{name: app, containerPort: 8080}]}]}
        status: {podIP: 10.0.0.3, conditions: [{type: Ready, status: "True"}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: ratings-2, labels: {app: ratings, version: v1}}
        spec: {containers: [{name: c, ports: [{name: app, containerPort: 8080}]}]}
        status: {podIP: 10.0.0.4, conditions: [{type: Ready, status: "False"}]}
        ---
        apiVersion: v1
        kind: Pod
        metadata: {name: db-0, labels: {app: db}}
        spec: {hostname: db-0, subdomain: db, containers: [{name: c}]}
        status: {podIP: 10.0.0.5, conditions: [{type: Ready, status: "True"}]}
        """;

    public const string ReviewsRule = """
        apiVersion: networking.istio.io/v1
        kind: VirtualService
        metadata: {name: reviews}
        spec:
          hosts: [reviews]
          http:
          - name: jason
            match:
            - headers: {end-user: {exact: jason}}
              uri: {prefix: /api}
            route:
            - destination: {host: reviews, subset: v2}
            timeout: 2s
            retries: {attempts: 3, perTryTimeout: 1s, retryOn: "5xx,503"}
            headers: {request: {set: {b: "2", a: "1"}}, response: {remove: [x]}}
          - route:
            - destination: {host: reviews, subset: v1}
              weight: 75
            - destination: {host: reviews, subset: v2}
              weight: 25
        ---
        apiVersion: networking.istio.io/v1
        kind: DestinationRule
        metadata: {name: reviews}
        spec:
          host: reviews
          trafficPolicy:
            loadBalancer: {simple: ROUND_ROBIN}
            connectionPool: {tcp: {maxConnections: 7, connectTimeout: 3s}}
          subsets:
          - name: v1
            labels: {version: v1}
          - name: v2
            labels: {version: v2}
            trafficPolicy: {loadBalancer: {simple: RANDOM}}
        """;
}
