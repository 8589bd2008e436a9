using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Lifecycle;
using Pilotfish.Api.Messages;

namespace Pilotfish.Agent.Commands;

/// <summary><c>proxy TYPE</c>: agent and data plane in this process until a signal ends them.</summary>
internal static class ProxyCommand
{
    public static string? Run(
        IReadOnlyList<string> args,
        IReadOnlyDictionary<string, string> variables,
        TextWriter output,
        Func<DataPlaneInputs, IDataPlane> startDataPlane)
    {
        var environment = new AgentEnvironment(variables);
        ProxyArguments? arguments = ProxyArguments.Parse(args, environment, out string problem);
        if (arguments is null)
        {
            return problem;
        }

        try
        {
            AgentConfig config = AgentConfig.Read(arguments, environment);
            if (!arguments.PrintBootstrap)
            {
                LogLevels.Apply(arguments.LogLevel, arguments.ComponentLogLevel);
                return AgentProcess.Run(config, startDataPlane);
            }

            output.WriteLine(JsonPrinter.Print(BootstrapBuilder.Build(config.BootstrapInputs()), JsonPrintOptions.EnvoyAdmin));
            return null;
        }
        catch (AgentConfigException e)
        {
            return e.Message;
        }
    }
}
