using Pilotfish.Agent.Bootstrap;
using Pilotfish.Agent.Lifecycle;
using Pilotfish.Api.Messages;
using Pilotfish.Runtime.Diagnostics;

namespace Pilotfish.Agent.Commands;

/// <summary><c>proxy TYPE</c>: agent and data plane in this process until a signal ends them.</summary>
internal static class ProxyCommand
{
    public static string? Run(
        IReadOnlyList<string> args,
        IReadOnlyDictionary<string, string> variables,
        TextWriter output,
        TextWriter errors,
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
                foreach (string warning in config.Warnings)
                {
                    Log.Warning(LogComponent.Agent, $"{warning}");
                }

                return AgentProcess.Run(config, startDataPlane);
            }

            foreach (string warning in config.Warnings)
            {
                errors.WriteLine($"Warning: {warning}");
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
