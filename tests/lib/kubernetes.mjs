// kubernetes.mjs - reads YAML documents, and prints each as a line of JSON: what is wrong with it by
// Kubernetes' own schemas ("" for nothing), and the object. It stands beside the packages of npm.
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";

for (const document of parseAllDocuments(readFileSync(0, "utf8"))) {
	const object = document.toJS();
	let fault = "";
	try {
		const models = await import(`kubernetes-models/${object.apiVersion}`);
		new models[object.kind](object).validate();
	} catch (error) {
		fault = `${error.message}`;
	}
	console.log(JSON.stringify({ fault, object }));
}
